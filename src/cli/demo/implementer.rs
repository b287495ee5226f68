//! An implementer's part: claim the task, lock, report, ask, wait for a held lock, submit, release.

use std::time::Duration;

use serde_json::{Value, json};

use super::agent::{Acquired, Agent, DemoError};
use super::script::{Assignment, File, MANAGER, Pace, Shared, Way};

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
    let token = part.claim().await?;
    let mut held = vec![part.lock(assignment.file).await?];
    part.state("in_progress").await?;
    for (done, step) in (0_u32..).zip(assignment.steps) {
        part.report(20 * done + 15, step).await?;
        pace.work(2).await;
        part.keep(&mut held).await?;
        match (done, assignment.question, assignment.also, assignment.asked_by) {
            (0, Some(question), _, _) => part.ask(question).await?,
            (1, _, Some(shared), _) => {
                held.push(part.lock_shared(shared).await?);
            }
            (2, _, _, Some(by)) => part.be_asked(by).await?,
            _ => {}
        }
    }
    part.complete(token, held).await
}

/// A file that is locked, with the fence where there is one.
#[derive(Clone, Copy, Debug)]
struct Hold {
    file: File,
    fence: Option<u64>,
}

struct Part<'a> {
    agent: &'a Agent,
    assignment: &'a Assignment,
    round: u32,
    id: String,
    pace: Pace,
}

impl Part<'_> {
    /// Waits for the task and claims it; `None` when somebody at the board has taken it away.
    async fn claim(&self) -> Result<Option<u64>, DemoError> {
        let key = format!("task:{}", self.id);
        self.exists(&key).await?;
        let Some(claim) = self.agent.claim(&key).await? else {
            if self.pace.watched {
                return Ok(None);
            }
            let step = format!("{key} should be free");
            return Err(self.agent.wrong(step, Value::Null));
        };
        if claim.value != self.assignment.task(self.round) {
            let step = format!("{key} should hold what was assigned");
            return Err(self.agent.wrong(step, claim.value));
        }
        self.agent.tell(format!("claimed {key}")).await;
        Ok(Some(claim.token))
    }

    /// Takes the lock on `file`, waiting for whoever holds it, and returns when it is this agent's.
    async fn lock(&self, file: File) -> Result<Hold, DemoError> {
        let fence = match file.way {
            Way::Written(ttl) => {
                self.write_lock(file, ttl).await?;
                self.agent.tell(format!("locked {} for {ttl} s", file.path)).await;
                None
            }
            Way::Queued => {
                let fence = self.agent.acquire_in_turn(file.path, self.assignment.description);
                let fence = fence.await?;
                self.agent.tell(format!("locked {}", file.path)).await;
                Some(fence)
            }
        };
        let hold = Hold { file, fence };
        // A person may take it away at any moment, which is noticed at the next step.
        if !self.pace.watched && !self.holds(hold).await? {
            let step = format!("{} should be its own", file.path);
            return Err(self.agent.wrong(step, Value::Null));
        }
        Ok(hold)
    }

    async fn write_lock(&self, file: File, ttl: u32) -> Result<(), DemoError> {
        let key = lock_key(file);
        loop {
            let (_, since) = self.agent.list(&key).await?;
            if self.agent.try_lock(&key, &self.lock_value(), ttl).await? {
                return Ok(());
            }
            self.agent.changed(&key, &since).await?;
        }
    }

    /// Takes the lock on a file that its owner locks first: asks for it, and stands in the queue.
    async fn lock_shared(&self, shared: Shared) -> Result<Hold, DemoError> {
        let Shared { file, owner } = shared;
        // Wherever the agents work, their paths end like this.
        self.exists(&format!("lock:*{}", file.path)).await?;
        match self.agent.acquire(file.path, self.assignment.description).await? {
            Acquired::HeldBy(holder) if holder == owner => {}
            // Somebody expired the owner's lock at the board, and this agent came first.
            Acquired::Fence(fence) if self.pace.watched => {
                let fence = Some(fence);
                return Ok(Hold { file, fence });
            }
            other => {
                let step = format!("{} should be held by {owner}", file.path);
                return Err(self.agent.wrong(step, json!(format!("{other:?}"))));
            }
        }
        let found = format!("found {} locked by {owner}, waits", file.path);
        self.agent.tell(found).await;
        self.wait_at(50, file).await?;
        let request = format!("I need {}; when are you done?", file.path);
        self.agent.say(owner, &request).await?;
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

    /// Looks whether the locks are still its own, and takes back what a person has taken away.
    async fn keep(&self, held: &mut [Hold]) -> Result<(), DemoError> {
        for hold in held {
            if self.holds(*hold).await? {
                continue;
            }
            let path = hold.file.path;
            if !self.pace.watched {
                let step = format!("{path} should still be its own");
                return Err(self.agent.wrong(step, Value::Null));
            }
            self.agent.tell(format!("lost {path}, takes it again")).await;
            *hold = self.lock(hold.file).await?;
        }
        Ok(())
    }

    async fn holds(&self, hold: Hold) -> Result<bool, DemoError> {
        if let Some(fence) = hold.fence {
            return self.agent.holds(fence).await;
        }
        let lock = self.agent.get(&lock_key(hold.file)).await?;
        Ok(lock.is_some_and(|lock| lock["lockedBy"] == self.agent.name))
    }

    async fn release(&self, hold: Hold) -> Result<(), DemoError> {
        if let Some(fence) = hold.fence {
            self.agent.release(fence).await?;
        } else {
            let released = json!({ "released": true });
            let key = lock_key(hold.file);
            self.agent.set(&key, &released, RELEASED_TTL).await?;
        }
        if self.holds(hold).await? {
            let step = format!("{} should be free for others", hold.file.path);
            return Err(self.agent.wrong(step, self.lock_value()));
        }
        Ok(())
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
        self.agent.say(MANAGER, question).await?;
        self.agent.tell(format!("asked {MANAGER}: {question}")).await;
        match self.receive(MANAGER).await? {
            Some(answer) => self.agent.tell(format!("was told: {answer}")).await,
            None => return Err(self.agent.wrong("its question should be answered", Value::Null)),
        }
        Ok(())
    }

    /// Waits until `by` has asked for the file, and answers.
    async fn be_asked(&self, by: &str) -> Result<(), DemoError> {
        const ANSWER: &str = "One more check, then it is yours";
        match self.receive(by).await? {
            Some(_) => {
                self.agent.say(by, ANSWER).await?;
                self.agent.tell(format!("answered {by}: {ANSWER}")).await;
                Ok(())
            }
            // Whoever took the lock away at the board has made the question unnecessary.
            None if self.pace.watched => Ok(()),
            None => {
                let step = format!("{by} should have asked for the file");
                Err(self.agent.wrong(step, Value::Null))
            }
        }
    }

    /// Waits for a message of `from`, but not for ever. What others say, such as a person at the board, is read.
    async fn receive(&self, from: &str) -> Result<Option<String>, DemoError> {
        let waiting = async {
            loop {
                for (sender, body) in self.agent.hear(COURTESY).await? {
                    if sender == from {
                        return Ok(body);
                    }
                    self.agent
                        .tell(format!("read a message from {sender}: {body}"))
                        .await;
                }
            }
        };
        match tokio::time::timeout(COURTESY, waiting).await {
            Ok(found) => found.map(Some),
            Err(_) => Ok(None),
        }
    }

    async fn complete(&self, token: Option<u64>, mut held: Vec<Hold>) -> Result<(), DemoError> {
        let files: Vec<_> = held.iter().map(|hold| hold.file.path).collect();
        let result = json!({ "filesModified": files, "linesAdded": self.assignment.lines_added });
        let done = match token {
            Some(token) => self.agent.submit(token, &result).await?,
            None => false,
        };
        if !done && !self.pace.watched {
            let step = format!("the claim on task {} should be its own", self.id);
            return Err(self.agent.wrong(step, Value::Null));
        }
        self.state("completed").await?;
        self.keep(&mut held).await?;
        for hold in held {
            self.release(hold).await?;
        }
        self.agent.hear_out().await?;
        let what = if done { "completed" } else { "lost" };
        let files = files.join(" and ");
        self.agent
            .tell(format!("{what} task {}, released {files}", self.id))
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
