//! The six patterns of the original design, played by real clients through real bridges.

use crate::support::agent::Agent;
use crate::support::process::BoardProcess;
use serde_json::json;

const MANAGER: &str = "agent-manager";
const IMPL: &str = "agent-implementation-1";
const ARCHITECT: &str = "agent-architect";

#[tokio::test(flavor = "multi_thread")]
async fn pattern_1_a_task_is_assigned_and_acknowledged() {
    let board = BoardProcess::start();
    let manager = Agent::attach(&board.socket(), MANAGER).await;
    let worker = Agent::attach(&board.socket(), IMPL).await;

    let task = json!({
        "taskId": "3.1", "agentId": IMPL, "description": "Implement user authentication",
        "files": ["src/auth/auth.ts", "src/types/user.ts"], "complexity": "medium",
    });
    manager.set("task:3.1", &task, 3600).await;
    assert_eq!(worker.get("task:3.1").await, Some(task));
    let status = json!({"status": "in_progress", "startedAt": "2025-10-15T14:30:05Z"});
    worker
        .set("status:agent-implementation-1:3.1", &status, 3600)
        .await;
    assert_eq!(
        manager.get("status:agent-implementation-1:3.1").await,
        Some(status)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pattern_2_the_manager_sees_the_latest_status() {
    let board = BoardProcess::start();
    let manager = Agent::attach(&board.socket(), MANAGER).await;
    let worker = Agent::attach(&board.socket(), IMPL).await;

    for progress in [10, 45, 90] {
        let status =
            json!({"status": "in_progress", "progress": progress, "currentStep": "Writing auth logic"});
        worker
            .set("status:agent-implementation-1:3.1", &status, 3600)
            .await;
        let seen = manager.get("status:agent-implementation-1:3.1").await.unwrap();
        assert_eq!(seen["progress"], json!(progress));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pattern_3_a_file_lock_keeps_others_out_until_it_is_released() {
    let board = BoardProcess::start();
    let first = Agent::attach(&board.socket(), IMPL).await;
    let second = Agent::attach(&board.socket(), "agent-implementation-2").await;
    let lock = "lock:src/auth/auth.ts";

    assert_eq!(first.get(lock).await, None);
    first
        .set(lock, &json!({"lockedBy": IMPL, "taskId": "3.1"}), 300)
        .await;
    assert_eq!(second.get(lock).await.unwrap()["lockedBy"], json!(IMPL));
    let refused = second
        .try_set(lock, &json!({"lockedBy": "agent-implementation-2"}), 300)
        .await;
    assert_eq!(refused, json!({"success": false, "error": "Key is leased"}));
    assert_eq!(
        first.get(lock).await.unwrap()["lockedBy"],
        json!(IMPL),
        "the refusal changed nothing"
    );

    first
        .set(
            lock,
            &json!({"released": true, "releasedAt": "2025-10-15T14:33:00Z"}),
            10,
        )
        .await;
    assert_eq!(second.get(lock).await, None, "a released lock is free at once");
    second
        .set(lock, &json!({"lockedBy": "agent-implementation-2"}), 300)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pattern_4_a_question_finds_its_answer() {
    let board = BoardProcess::start();
    let asker = Agent::attach(&board.socket(), IMPL).await;
    let architect = Agent::attach(&board.socket(), ARCHITECT).await;

    let key = "msg:agent-implementation-1:agent-architect:1729012345";
    let question = json!({"type": "Question", "question": "Should caching be configurable per user?"});
    asker.set(key, &question, 3600).await;
    let inbox = architect.keys("msg:*:agent-architect:*").await;
    assert_eq!(inbox, [key], "the pattern that the original only planned");
    assert_eq!(architect.get(&inbox[0]).await, Some(question));
    let answer = json!({"type": "Response", "inReplyTo": key, "answer": "Not for MVP, keep it simple"});
    architect
        .set(
            "msg:agent-architect:agent-implementation-1:response",
            &answer,
            3600,
        )
        .await;
    assert_eq!(
        asker
            .get("msg:agent-architect:agent-implementation-1:response")
            .await,
        Some(answer)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pattern_5_the_manager_sums_up_the_progress_of_all() {
    let board = BoardProcess::start();
    let manager = Agent::attach(&board.socket(), MANAGER).await;
    for (number, status) in [(1, "completed"), (2, "in_progress"), (3, "in_progress")] {
        let worker = Agent::attach(&board.socket(), &format!("agent-implementation-{number}")).await;
        let key = format!("agent:agent-implementation-{number}:state");
        worker.set(&key, &json!({"status": status}), 3600).await;
        worker.leave().await;
    }

    let listed = manager
        .call("listKeys", json!({"pattern": "agent:*:state", "values": true}))
        .await;
    let rows = listed["keys"].as_array().unwrap();
    let count = |status: &str| {
        rows.iter()
            .filter(|row| row["value"].as_str().unwrap().contains(status))
            .count()
    };
    let progress = json!({"totalTasks": rows.len(), "completed": count("completed"), "inProgress": count("in_progress")});
    manager.set("progress:global", &progress, 60).await;
    let expected = json!({"totalTasks": 3, "completed": 1, "inProgress": 2});
    assert_eq!(manager.get("progress:global").await, Some(expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn pattern_6_each_lock_is_a_key_of_its_own() {
    let board = BoardProcess::start();
    let worker = Agent::attach(&board.socket(), IMPL).await;
    let files = [
        "src/auth/auth.ts",
        "src/api/routes.ts",
        "src/types/user.ts",
        "app/%5Bslug%5D/page.tsx",
    ];

    for file in files {
        assert_eq!(worker.get(&format!("lock:{file}")).await, None);
        worker
            .set(&format!("lock:{file}"), &json!({"lockedBy": IMPL}), 300)
            .await;
    }
    let mut locks = files.map(|file| format!("lock:{file}"));
    locks.sort();
    assert_eq!(worker.keys("lock:*").await, locks);
}
