//! One round of the workflow: a manager assigns, three implementers lock, work, ask and complete.
//!
//! Every step checks what it finds, so a round that ends well is a proof, not only a picture.

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::agent::{Agent, DemoError, WAIT};
use super::implementer::implement;
use super::script::{ANSWER, ASSIGNMENTS, Pace};

/// How long the summary stays when nobody renews it.
const PROGRESS_TTL: u32 = 60;

/// The four agents, in the order manager, then one for each assignment.
pub(super) struct Team {
    pub(super) manager: Agent,
    pub(super) implementers: [Agent; 3],
}

impl Team {
    /// Plays one round.
    pub(super) async fn play(&self, round: u32, pace: Pace) -> Result<(), DemoError> {
        let done = CancellationToken::new();
        let [one, two, three] = &self.implementers;
        let [first, second, third] = &ASSIGNMENTS;
        let work = async {
            tokio::try_join!(
                implement(one, first, round, pace),
                implement(two, second, round, pace),
                implement(three, third, round, pace),
            )?;
            done.cancel();
            Ok(())
        };
        let lead = async {
            self.assign(round, pace).await?;
            self.monitor(round).await
        };
        tokio::try_join!(
            work,
            until(&done, lead),
            until(&done, self.answer_questions(pace)),
        )?;
        self.conclude(round, pace).await
    }

    async fn assign(&self, round: u32, pace: Pace) -> Result<(), DemoError> {
        let manager = &self.manager;
        for assignment in &ASSIGNMENTS {
            let key = format!("task:{}", assignment.id(round));
            manager.set(&key, &assignment.task(round), pace.keep).await?;
            manager
                .tell(format!(
                    "assigned {key} to {}: {}",
                    assignment.agent, assignment.description
                ))
                .await;
            pace.work(1).await;
        }
        Ok(())
    }

    /// Sums up whenever a status changes. It ends by being dropped.
    async fn monitor(&self, round: u32) -> Result<(), DemoError> {
        let (_, mut since) = self.manager.list("status:*").await?;
        loop {
            self.sum_up(round).await?;
            since = self.manager.changed("status:*", &since).await?;
        }
    }

    /// Counts the round's statuses into `progress:global` and returns how many tasks are completed.
    async fn sum_up(&self, round: u32) -> Result<usize, DemoError> {
        let mut completed = 0;
        let mut in_progress = 0;
        for assignment in &ASSIGNMENTS {
            let key = format!("status:{}:{}", assignment.agent, assignment.id(round));
            match self
                .manager
                .get(&key)
                .await?
                .as_ref()
                .map(|status| &status["status"])
            {
                Some(status) if status == "completed" => completed += 1,
                Some(status) if status == "in_progress" => in_progress += 1,
                _ => {}
            }
        }
        let progress = json!({
            "totalTasks": ASSIGNMENTS.len(),
            "completedTasks": completed,
            "inProgressTasks": in_progress,
            "progress": 100 * completed / ASSIGNMENTS.len(),
        });
        self.manager
            .set("progress:global", &progress, PROGRESS_TTL)
            .await?;
        Ok(completed)
    }

    /// Answers every question. It ends by being dropped.
    async fn answer_questions(&self, pace: Pace) -> Result<(), DemoError> {
        let manager = &self.manager;
        loop {
            for (from, question) in manager.hear(WAIT).await? {
                if !ASSIGNMENTS.iter().any(|one| one.agent == from) {
                    manager
                        .tell(format!("read a message from {from}: {question}"))
                        .await;
                    continue;
                }
                pace.work(1).await;
                manager.say(&from, ANSWER).await?;
                manager.tell(format!("answered {from}: {ANSWER}")).await;
            }
        }
    }

    /// Checks that everything came to its end, as the manager sees it.
    async fn conclude(&self, round: u32, pace: Pace) -> Result<(), DemoError> {
        let manager = &self.manager;
        let completed = self.sum_up(round).await?;
        let summary = manager.get("progress:global").await?.unwrap_or_default();
        let complete = completed == ASSIGNMENTS.len() && summary["progress"] == 100;
        if !complete && !pace.watched {
            return Err(manager.wrong("all tasks should be completed", summary));
        }
        manager.hear_out().await?;
        let (locks, _) = manager.list("lock:*").await?;
        let own = |path: &str| {
            ASSIGNMENTS
                .iter()
                .any(|one| path == format!("lock:{}", one.file.path))
        };
        if let Some((key, lock)) = locks
            .iter()
            .find(|(key, lock)| own(key) && lock["released"] != true)
        {
            return Err(manager.wrong(format!("{key} should be released"), lock.clone()));
        }
        manager
            .tell(format!(
                "{completed}/{} tasks completed, every lock released",
                ASSIGNMENTS.len()
            ))
            .await;
        Ok(())
    }
}

/// Does `work`, which has no end of its own, until `done`.
async fn until(
    done: &CancellationToken,
    work: impl Future<Output = Result<(), DemoError>>,
) -> Result<(), DemoError> {
    tokio::select! {
        () = done.cancelled() => Ok(()),
        ended = work => ended,
    }
}
