//! What is played: the complete workflow of the original design, as data.

use std::time::Duration;

use serde_json::{Value, json};

/// Who hands out the work.
pub(super) const MANAGER: &str = "manager";

/// A file to be locked, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct File {
    pub(super) path: &'static str,
    pub(super) way: Way,
}

/// How a file is locked: both ways keep each other off.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    /// By writing its key for so many seconds, as the original design does.
    Written(u32),
    /// By asking for it, with a queue for those who want it too.
    Queued,
}

/// A piece of work and who does it.
#[derive(Debug)]
pub(super) struct Assignment {
    /// The part after the round in the task's number.
    pub(super) number: u32,
    pub(super) agent: &'static str,
    pub(super) description: &'static str,
    pub(super) complexity: &'static str,
    /// The file that is its own from the start.
    pub(super) file: File,
    /// What is done, one after the other.
    pub(super) steps: [&'static str; 4],
    /// What it asks the manager after the first step.
    pub(super) question: Option<&'static str>,
    /// A file of somebody else's that it needs after the second step.
    pub(super) also: Option<Shared>,
    /// Who will ask for its file, and is waited for before the last step.
    pub(super) asked_by: Option<&'static str>,
    pub(super) lines_added: u32,
}

/// A file that somebody else holds first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shared {
    pub(super) file: File,
    pub(super) owner: &'static str,
}

const AUTH: File = File {
    path: "src/auth/auth.ts",
    way: Way::Written(300),
};
const ROUTES: File = File {
    path: "src/api/routes.ts",
    way: Way::Written(120),
};
const USER: File = File {
    path: "src/types/user.ts",
    way: Way::Queued,
};

/// The three tasks of a round. The second needs the file of the third, so one lock is contended.
pub(super) static ASSIGNMENTS: [Assignment; 3] = [
    Assignment {
        number: 1,
        agent: "impl-1",
        description: "Implement user authentication",
        complexity: "medium",
        file: AUTH,
        steps: [
            "Reading the requirements",
            "Writing auth logic",
            "Writing tests",
            "Running tests",
        ],
        question: Some("Should caching be configurable per user?"),
        also: None,
        asked_by: None,
        lines_added: 234,
    },
    Assignment {
        number: 2,
        agent: "impl-2",
        description: "Add the API routes",
        complexity: "high",
        file: ROUTES,
        steps: [
            "Listing endpoints",
            "Writing handlers",
            "Using the user type",
            "Writing tests",
        ],
        question: None,
        also: Some(Shared {
            file: USER,
            owner: "impl-3",
        }),
        asked_by: None,
        lines_added: 187,
    },
    Assignment {
        number: 3,
        agent: "impl-3",
        description: "Define the user type",
        complexity: "low",
        file: USER,
        steps: [
            "Collecting fields",
            "Writing the type",
            "Writing guards",
            "Checking types",
        ],
        question: None,
        also: None,
        asked_by: Some("impl-2"),
        lines_added: 58,
    },
];

/// The manager's answer to every question.
pub(super) const ANSWER: &str = "Not for MVP, keep it simple";

impl Assignment {
    /// Returns the task's id in a round; the original workflow is round 3.
    pub(super) fn id(&self, round: u32) -> String {
        format!("{round}.{}", self.number)
    }

    /// Returns what stands under `task:{id}`.
    pub(super) fn task(&self, round: u32) -> Value {
        let also = self.also.map(|shared| shared.file.path);
        let files: Vec<_> = std::iter::once(self.file.path).chain(also).collect();
        json!({
            "taskId": self.id(round),
            "agentId": self.agent,
            "description": self.description,
            "files": files,
            "complexity": self.complexity,
        })
    }
}

/// How fast it is played, and for whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// How long one step of work takes.
    pub(super) beat: Duration,
    /// How long tasks and statuses stay.
    pub(super) keep: u32,
    /// Whether a person may take locks away meanwhile, which is then part of the play and no fault.
    pub(super) watched: bool,
}

impl Pace {
    /// As fast as it goes.
    pub(super) const FAST: Self = Self {
        beat: Duration::ZERO,
        keep: 3_600,
        watched: false,
    };
    /// A round takes about 25 s.
    pub(super) const VIEWABLE: Self = Self {
        beat: Duration::from_millis(1_500),
        keep: 600,
        watched: true,
    };

    /// Works for `beats` beats.
    pub(super) async fn work(self, beats: u32) {
        tokio::time::sleep(self.beat * beats).await;
    }
}
