//! An implementer's part: read the task, lock, report, ask, wait for a held lock, complete, release.

use std::time::Duration;

use serde_json::{Value, json};

use super::agent::{Agent, DemoError};
use super::script::{Assignment, File, MANAGER, Pace, Shared};
use super::team::{reply, send};

/// How long a released lock stays to be seen.
const RELEASED_TTL: u32 = 10;
/// How long a message is waited for that a person at the board may have made unnecessary.
const COURTESY: Duration = Duration::from_secs(20);

/// Plays the implementer's part of one round.
pub(super) async fn implement(
    agent: &Agent,
    assignment: &Assignment,
    round: u32,
    pace: Pace,
) -> Result<(), DemoError> {
    let part = Part {
        agent,
        assignment,
        round,
        id: assignment.id(round),
        pace,
    };
    part.read_task().await?;
    part.lock(assignment.file).await?;
    part.state("in_progress").await?;
    let mut held = vec![assignment.file];
    for (done, step) in (0_u32..).zip(assignment.steps) {
        part.report(20 * done + 15, step).await?;
        pace.work(2).await;
        part.keep(&held).await?;
        match (done, assignment.question, assignment.also, assignment.asked_by) {
            (0, Some(question), _, _) => part.ask(question).await?,
            (1, _, Some(shared), _) => {
                part.lock_shared(shared).await?;
                held.push(shared.file);
            }
            (2, _, _, Some(by)) => part.be_asked(by).await?,
            _ => {}
        }
    }
    part.complete(&held).await
}

struct Part<'a> {
    agent: &'a Agent,
    assignment: &'a Assignment,
    round: u32,
    id: String,
    pace: Pace,
}

impl Part<'_> {
    /// Waits for the task and reads it.
    async fn read_task(&self) -> Result<(), DemoError> {
        let key = format!("task:{}", self.id);
        self.exists(&key).await?;
        let task = self.agent.get(&key).await?;
        let expected = self.assignment.task(self.round);
        if task.as_ref() != Some(&expected) {
            let found = task.unwrap_or_default();
            return Err(self
                .agent
                .wrong(format!("{key} should hold what was assigned"), found));
        }
        self.agent.tell(format!("read {key}")).await;
        Ok(())
    }

    /// Takes the lock on `file`, waiting for whoever holds it, and returns when it is this agent's.
    async fn lock(&self, file: File) -> Result<(), DemoError> {
        let key = lock_key(file);
        loop {
            let (_, since) = self.agent.list(&key).await?;
            if self.agent.try_lock(&key, &self.lock_value(), file.ttl).await? {
                break;
            }
            self.agent.changed(&key, &since).await?;
        }
        if !self.holds(file).await? {
            let found = self.agent.get(&key).await?.unwrap_or_default();
            return Err(self.agent.wrong(format!("{key} should be its own"), found));
        }
        self.agent
            .tell(format!("locked {} for {} s", file.path, file.ttl))
            .await;
        Ok(())
    }

    /// Takes the lock on a file that its owner locks first, and asks for it.
    async fn lock_shared(&self, shared: Shared) -> Result<(), DemoError> {
        let Shared { file, owner } = shared;
        let key = lock_key(file);
        self.exists(&key).await?;
        if self.agent.try_lock(&key, &self.lock_value(), file.ttl).await? {
            // Somebody expired the owner's lock at the board, and this agent came first.
            if !self.pace.watched {
                let found = self.lock_value();
                return Err(self
                    .agent
                    .wrong(format!("{key} should be held by {owner}"), found));
            }
            return Ok(());
        }
        self.agent
            .tell(format!("found {} locked by {owner}, waits", file.path))
            .await;
        self.wait_at(50, file).await?;
        let request = json!({
            "type": "Request",
            "round": self.round,
            "from": self.agent.name,
            "to": owner,
            "question": format!("I need {}; when are you done?", file.path),
        });
        send(self.agent, owner, &request, self.pace).await?;
        self.lock(file).await
    }

    /// Waits until `key` exists.
    async fn exists(&self, key: &str) -> Result<(), DemoError> {
        loop {
            let (rows, since) = self.agent.list(key).await?;
            if !rows.is_empty() {
                return Ok(());
            }
            self.agent.changed(key, &since).await?;
        }
    }

    /// Looks whether the locks are still its own, and takes back what a person has expired.
    async fn keep(&self, held: &[File]) -> Result<(), DemoError> {
        for &file in held {
            if self.holds(file).await? {
                continue;
            }
            let key = lock_key(file);
            if !self.pace.watched {
                return Err(self
                    .agent
                    .wrong(format!("{key} should still be its own"), Value::Null));
            }
            self.agent
                .tell(format!("lost {}, takes it again", file.path))
                .await;
            self.lock(file).await?;
        }
        Ok(())
    }

    async fn holds(&self, file: File) -> Result<bool, DemoError> {
        let lock = self.agent.get(&lock_key(file)).await?;
        Ok(lock.is_some_and(|lock| lock["lockedBy"] == self.agent.name))
    }

    async fn report(&self, progress: u32, step: &str) -> Result<(), DemoError> {
        let status = json!({ "status": "in_progress", "progress": progress, "currentStep": step });
        self.agent
            .set(&self.status_key(), &status, self.pace.keep)
            .await?;
        self.agent.tell(format!("{progress} %: {step}")).await;
        Ok(())
    }

    async fn wait_at(&self, progress: u32, file: File) -> Result<(), DemoError> {
        let step = format!("Waiting for {}", file.path);
        let status = json!({ "status": "blocked", "progress": progress, "currentStep": step });
        self.agent.set(&self.status_key(), &status, self.pace.keep).await
    }

    async fn state(&self, status: &str) -> Result<(), DemoError> {
        let key = format!("agent:{}:state", self.agent.name);
        let state = json!({ "status": status, "taskId": self.id });
        self.agent.set(&key, &state, self.pace.keep).await
    }

    /// Asks the manager and waits for the answer.
    async fn ask(&self, question: &str) -> Result<(), DemoError> {
        let message = json!({
            "type": "Question",
            "round": self.round,
            "from": self.agent.name,
            "to": MANAGER,
            "question": question,
            "context": self.assignment.description,
        });
        let asked = send(self.agent, MANAGER, &message, self.pace).await?;
        self.agent.tell(format!("asked {MANAGER}: {question}")).await;
        let answers = |message: &Value| message["inReplyTo"] == *asked;
        let Some((_, answer)) = self.receive(MANAGER, answers).await? else {
            return Err(self.agent.wrong("its question should be answered", Value::Null));
        };
        match answer["answer"].as_str() {
            Some(text) => self.agent.tell(format!("was told: {text}")).await,
            None => return Err(self.agent.wrong("the answer should say something", answer)),
        }
        Ok(())
    }

    /// Waits until `by` has asked for the file, and answers.
    async fn be_asked(&self, by: &str) -> Result<(), DemoError> {
        let asks = |message: &Value| message["type"] == "Request" && message["round"] == self.round;
        match self.receive(by, asks).await? {
            Some((key, _)) => {
                reply(
                    self.agent,
                    by,
                    &key,
                    "One more check, then it is yours",
                    self.pace,
                )
                .await
            }
            // Whoever expired the lock at the board has made the question unnecessary.
            None if self.pace.watched => Ok(()),
            None => Err(self
                .agent
                .wrong(format!("{by} should have asked for the file"), Value::Null)),
        }
    }

    /// Waits for a message of `from` that `fits`, but not for ever.
    async fn receive(
        &self,
        from: &str,
        fits: impl Fn(&Value) -> bool,
    ) -> Result<Option<(String, Value)>, DemoError> {
        let pattern = format!("msg:{from}:{}:*", self.agent.name);
        let waiting = async {
            loop {
                let (messages, since) = self.agent.list(&pattern).await?;
                let mut messages = messages.into_iter();
                if let Some(found) = messages.find(|(_, message)| fits(message)) {
                    return Ok(found);
                }
                self.agent.changed(&pattern, &since).await?;
            }
        };
        match tokio::time::timeout(COURTESY, waiting).await {
            Ok(found) => found.map(Some),
            Err(_) => Ok(None),
        }
    }

    async fn complete(&self, held: &[File]) -> Result<(), DemoError> {
        let files: Vec<_> = held.iter().map(|file| file.path).collect();
        let status = json!({
            "status": "completed",
            "progress": 100,
            "filesModified": files,
            "linesAdded": self.assignment.lines_added,
        });
        self.agent
            .set(&self.status_key(), &status, self.pace.keep)
            .await?;
        self.state("completed").await?;
        self.keep(held).await?;
        for &file in held {
            let released = json!({ "released": true });
            self.agent.set(&lock_key(file), &released, RELEASED_TTL).await?;
            if self.holds(file).await? {
                let step = format!("{} should be free for others", file.path);
                return Err(self.agent.wrong(step, self.lock_value()));
            }
        }
        self.agent
            .tell(format!(
                "completed task {}, released {}",
                self.id,
                files.join(" and ")
            ))
            .await;
        Ok(())
    }

    fn lock_value(&self) -> Value {
        json!({ "lockedBy": self.agent.name, "taskId": self.id })
    }

    fn status_key(&self) -> String {
        format!("status:{}:{}", self.agent.name, self.id)
    }
}

fn lock_key(file: File) -> String {
    format!("lock:{}", file.path)
}
