//! Files with names that are too long for a key, as a few dozen characters of most scripts of the world are: they are
//! guarded as others are, and nobody reads a hash.

use serde_json::{Value, json};

use super::hook_rules::{ONE, TWO, attach, denied, edit, expire, hook, passes};
use crate::support::socket::SocketServer;

/// A directory whose name is short, and a file in it.
fn file() -> String {
    format!("文書/{}.md", "設計書".repeat(10))
}

/// Returns the key of the only lock.
fn key(server: &SocketServer) -> String {
    let held = server.board.holders(server.namespace());
    let mut keys = held.iter().flat_map(|holder| &holder.held);
    let key = keys.next().unwrap().0.to_string();
    assert!(key.starts_with("lock:%23"), "{key}");
    key
}

#[tokio::test]
async fn a_file_with_a_long_name_is_guarded_by_its_name() {
    let server = SocketServer::start();
    let (mut one, _two) = (
        attach(&server, "one", ONE).await,
        attach(&server, "two", TWO).await,
    );
    let file = file();
    passes(&edit(&server, ONE, &file).await);
    key(&server);
    let top = server.dir.path().canonicalize().unwrap();
    for place in [top.clone(), top.join("文書"), top.join(&file)] {
        let over = json!({ "overwrites": [place] });
        let reason = denied(&hook(&server, "before", TWO, over.clone()).await);
        assert!(reason.contains(&file), "{reason}");
        passes(&hook(&server, "before", ONE, over).await);
    }
    let unlocked = json!({ "writes": [file], "autoLock": false });
    let said = [
        denied(&hook(&server, "before", TWO, unlocked).await),
        denied(&hook(&server, "commit", TWO, json!({ "writes": [file] })).await),
        hook(&server, "start", TWO, json!({})).await.to_string(),
        one.body("heartbeat", json!({})).await["holds"].to_string(),
        one.request("callboard/stats", json!({})).await["result"]["locks"].to_string(),
    ];
    for text in said {
        assert!(text.contains(&file) && !text.contains('#'), "{text}");
    }
}

#[tokio::test]
async fn who_lost_a_long_name_reads_it_and_is_told_of_files_below_it() {
    let server = SocketServer::start();
    let mut one = attach(&server, "one", ONE).await;
    let directory = "設計書".repeat(10);
    one.body("acquireLock", json!({ "targets": [directory] })).await;
    expire(&server, &key(&server));
    let told = hook(&server, "between", ONE, json!({})).await;
    assert!(told["context"].as_str().unwrap().contains(&directory), "{told}");
    let reason = denied(&edit(&server, ONE, &format!("{directory}/a.md")).await);
    assert!(reason.contains(&directory) && !reason.contains('#'), "{reason}");
    // Whoever locks it again has no loss any more.
    one.body("acquireLock", json!({ "targets": [directory] })).await;
    let told: Value = one.body("heartbeat", json!({})).await;
    assert_eq!(told.get("notices"), None, "{told}");
}
