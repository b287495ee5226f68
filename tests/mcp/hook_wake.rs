//! Waking agents that are idle: for what, and how often.

use crate::support::raw::Raw;
use crate::support::served::{Served, serve};
use callboard::board::Introduction;
use serde_json::{Value, json};
use tokio::io::DuplexStream;

/// The client's process of the agent to be woken, which nobody else can have.
const PROCESS: u32 = 4_200_001;

type Agent = Raw<DuplexStream>;

/// A board with an agent called `sleeper`, another one, and a hook's connection.
struct Night {
    served: Served,
    sleeper: Agent,
    other: Agent,
    hook: Agent,
}

impl Night {
    fn new() -> Self {
        let served = Served::new();
        let sleeper = Raw::modern_as(
            "claude-code",
            serve(
                served.introduced(Introduction {
                    name: Some("sleeper".to_owned()),
                    ppid: Some(PROCESS),
                    ..Introduction::default()
                }),
                served.stop.child_token(),
            ),
        );
        let (other, hook) = (served.agent("other"), served.agent("hook"));
        Self {
            served,
            sleeper,
            other,
            hook,
        }
    }

    /// Begins to wait, and returns when that has been noted.
    async fn sleep(&mut self) -> Value {
        let id = self
            .hook
            .ask("callboard/wake", json!({ "processes": [PROCESS] }))
            .await;
        self.hook.request("callboard/stats", json!({})).await;
        id
    }

    /// Returns why the one who waits was woken, `None` when it was let go without a reason.
    async fn woken(&mut self, id: &Value) -> Option<String> {
        let answer = self.hook.answer(id).await;
        answer["result"]["reason"].as_str().map(str::to_owned)
    }

    async fn send(&mut self) {
        self.other
            .body("sendMessage", json!({ "to": "sleeper", "body": "hello" }))
            .await;
    }

    /// Tells what its client's hooks see the sleeper do.
    async fn hears(&mut self, event: &str) {
        let told = json!({ "hook_event_name": event, "agent_id": "", "agent_type": "" });
        self.sleeper.call("hook", told).await;
    }
}

#[tokio::test]
async fn a_message_wakes_once_and_is_still_there_to_be_read() {
    let mut night = Night::new();
    let first = night.sleep().await;
    night.send().await;
    let reason = night.woken(&first).await.unwrap();
    assert!(
        reason.contains("messages wait for you (1), receiveMessages"),
        "{reason}"
    );
    // It does something else and stops again: the same message is no news.
    night.hears("PostToolUse").await;
    let second = night.sleep().await;
    night.send().await;
    let reason = night.woken(&second).await.unwrap();
    assert!(reason.contains("(2)"), "{reason}");
    let got = night.sleeper.body("receiveMessages", json!({})).await;
    assert_eq!(got["messages"].as_array().unwrap().len(), 2, "{got}");
}

#[tokio::test]
async fn what_came_before_it_stopped_wakes_at_once() {
    let mut night = Night::new();
    night.send().await;
    let waiting = night.sleep().await;
    assert!(night.woken(&waiting).await.unwrap().contains("(1)"));
}

#[tokio::test]
async fn who_is_at_work_is_not_woken_and_is_when_it_stops_again() {
    let mut night = Night::new();
    let first = night.sleep().await;
    night.hears("PreToolUse").await;
    night.send().await;
    let second = night.sleep().await;
    assert_eq!(
        night.woken(&first).await,
        None,
        "the newer one waits in its place"
    );
    assert!(night.woken(&second).await.unwrap().contains("(1)"));
}

#[tokio::test]
async fn a_lock_that_was_waited_for_in_vain_wakes_once_it_is_free() {
    let mut night = Night::new();
    night
        .other
        .body("acquireLock", json!({ "targets": ["a.rs", "b.rs"] }))
        .await;
    let wanted = json!({ "targets": ["a.rs"], "waitMs": 1 });
    let refused = night.sleeper.body("acquireLock", wanted.clone()).await;
    assert_eq!(refused["success"], false, "{refused}");
    let first = night.sleep().await;
    night.other.body("releaseLock", json!({})).await;
    let reason = night.woken(&first).await.unwrap();
    assert!(reason.contains("a.rs is free, for which you waited"), "{reason}");
    assert!(!reason.contains("b.rs"), "{reason}");
    // Nobody has asked again, so the place that is still kept is no news either.
    let second = night.sleep().await;
    night.send().await;
    let reason = night.woken(&second).await.unwrap();
    assert!(!reason.contains("a.rs"), "{reason}");
    let granted = night.sleeper.body("acquireLock", wanted).await;
    assert_eq!(granted["success"], true, "{granted}");
}

#[tokio::test]
async fn the_wait_ends_with_the_session_and_with_the_server() {
    let Night {
        served,
        sleeper,
        other,
        mut hook,
    } = Night::new();
    let processes = json!({ "processes": [PROCESS] });
    let id = hook.ask("callboard/wake", processes.clone()).await;
    hook.request("callboard/stats", json!({})).await;
    drop(sleeper);
    assert_eq!(hook.answer(&id).await["result"]["reason"], Value::Null);
    drop(other);
    // Nobody of this process is here yet; the end of the server is not waited for.
    hook.ask("callboard/wake", processes).await;
    served.stop.cancel();
    while hook.line().await.is_some() {}
}

#[tokio::test]
async fn an_agent_is_woken_for_what_there_is_under_a_name_that_it_gave_itself() {
    let mut night = Night::new();
    night
        .other
        .body("acquireLock", json!({ "targets": ["a.rs"] }))
        .await;
    let wanted = json!({ "targets": ["a.rs"], "waitMs": 1, "as": "lead" });
    let refused = night.sleeper.body("acquireLock", wanted).await;
    assert_eq!(refused["error"], "HELD", "{refused}");
    let send = json!({ "to": "lead", "body": "hello" });

    let first = night.sleep().await;
    night.other.body("sendMessage", send.clone()).await;
    let reason = night.woken(&first).await.unwrap();
    assert!(
        reason.contains(r#"messages wait for you (1), receiveMessages with as "lead""#),
        "{reason}"
    );
    let second = night.sleep().await;
    night.other.body("releaseLock", json!({})).await;
    let reason = night.woken(&second).await.unwrap();
    assert!(
        reason.contains(r#"a.rs is free, for which you waited; acquireLock it with as "lead""#),
        "{reason}"
    );
    assert!(!reason.contains("messages"), "{reason}");
    // What was told under one name is news under the other.
    let third = night.sleep().await;
    night.send().await;
    let reason = night.woken(&third).await.unwrap();
    assert!(
        reason.contains("messages wait for you (1), receiveMessages returns"),
        "{reason}"
    );
}
