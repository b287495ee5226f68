//! What a model makes of an answer: situations in which the answer alone must lead to the right next call.
//!
//! Each says what has happened, which call is made, with which code it is answered, and what the answer must
//! say: when to try again, whom to ask, which tool comes next, what to stop.

mod table;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::support::raw::Raw;
use crate::support::served::Served;
use callboard::board::{Key, Limits, Namespace};
use callboard::mcp::Toolset;
use serde_json::{Value, json};
use table::Step::{self, Call, End, Flood, Pass, Wait};
use table::{LOCK, SITUATIONS};
use tokio::io::DuplexStream;

/// Agents on a board, who come when they are first heard of.
struct Stage {
    served: Served,
    agents: BTreeMap<&'static str, Raw<DuplexStream>>,
}

impl Stage {
    fn new(tools: Toolset) -> Self {
        let limits = Limits {
            locks: 4,
            ..Limits::default()
        };
        Self {
            served: Served::offering(tools, limits),
            agents: BTreeMap::new(),
        }
    }

    fn agent(&mut self, name: &'static str) -> &mut Raw<DuplexStream> {
        let served = &self.served;
        self.agents.entry(name).or_insert_with(|| served.agent(name))
    }

    async fn call(&mut self, name: &'static str, tool: &str, arguments: &str) -> Value {
        let arguments = serde_json::from_str(arguments).unwrap();
        self.agent(name).call(tool, arguments).await
    }

    async fn happen(&mut self, step: &Step) {
        match *step {
            Call(name, tool, arguments) => {
                let result = self.call(name, tool, arguments).await;
                let (code, shown) = (code(&result), &result["content"]);
                assert_eq!(code, "ok", "{name} {tool}: {shown}");
            }
            Wait(name, tool, arguments) => {
                let namespace = self.served.board.open(&Namespace::default()).unwrap();
                let before = self.served.board.waiters(namespace).len();
                let arguments: Value = serde_json::from_str(arguments).unwrap();
                let params = json!({ "name": tool, "arguments": arguments });
                self.agent(name).ask("tools/call", params).await;
                // Whoever waits in line is no news to the board, so this looks again and again.
                let line = tokio::time::timeout(Duration::from_secs(30), async {
                    while self.served.board.waiters(namespace).len() == before {
                        tokio::task::yield_now().await;
                    }
                });
                assert!(line.await.is_ok(), "{name} does not stand in line");
            }
            Pass(seconds) => self.served.advance(Duration::from_secs(seconds)),
            End(key) => {
                let namespace = self.served.board.open(&Namespace::default()).unwrap();
                let key = Key::parse(key).unwrap();
                let rev = self.served.board.get(namespace, &key).unwrap().rev;
                self.served.board.expire(namespace, key, rev).unwrap();
            }
            Flood(from, to, many) => {
                for _ in 0..many {
                    let message = json!({ "to": to, "body": "are you there?" });
                    let result = self.agent(from).call("sendMessage", message).await;
                    assert_eq!(code(&result), "ok");
                }
            }
        }
    }
}

/// Returns the code of a refusal, or `ok`.
fn code(result: &Value) -> String {
    let body: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
    match body["error"].as_str() {
        Some(error) => error.to_owned(),
        None => "ok".to_owned(),
    }
}

/// Returns what a client shows of a result: the structured part alone, or the texts when there is none.
fn shown(result: &Value) -> Vec<String> {
    let texts = result["content"].as_array().unwrap().iter();
    let texts: String = texts
        .map(|block| block["text"].as_str().unwrap())
        .collect::<Vec<_>>()
        .join("\n");
    match &result["structuredContent"] {
        Value::Null => vec![texts.clone(), texts],
        structured => vec![structured.to_string(), texts],
    }
}

#[tokio::test]
async fn the_answer_alone_leads_to_the_right_next_call() {
    let mut wrong = Vec::new();
    for situation in &SITUATIONS {
        let mut stage = Stage::new(Toolset::All);
        for step in situation.before {
            stage.happen(step).await;
        }
        let (name, tool, arguments) = situation.call;
        let result = stage.call(name, tool, arguments).await;
        for shown in shown(&result) {
            let missing = situation.says.iter().filter(|part| !shown.contains(**part));
            let missing: Vec<_> = missing.collect();
            if code(&result) != situation.code || !missing.is_empty() {
                wrong.push(format!("{}: lacks {missing:?}\n    {shown}", situation.title));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Who has only the core is told of nothing else.
#[tokio::test]
async fn no_answer_names_a_tool_that_is_not_offered() {
    let missing = ["sendMessage", "receiveMessages", "heartbeat", "watchStorage"];
    for situation in &SITUATIONS {
        let calls = situation.before.iter().filter_map(|step| match step {
            Call(_, tool, _) | Wait(_, tool, _) => Some(*tool),
            Flood(..) => Some("sendMessage"),
            Pass(_) | End(_) => None,
        });
        if calls
            .chain([situation.call.1])
            .any(|tool| missing.contains(&tool))
        {
            continue;
        }
        let mut stage = Stage::new(Toolset::Core);
        for step in situation.before {
            stage.happen(step).await;
        }
        let (name, tool, arguments) = situation.call;
        let shown = shown(&stage.call(name, tool, arguments).await);
        let named: Vec<_> = missing.iter().filter(|name| shown[1].contains(**name)).collect();
        assert!(named.is_empty(), "{}: {named:?} in {}", situation.title, shown[1]);
    }
}

/// Agents that were refused together must not come back together.
#[tokio::test]
async fn a_time_to_try_again_differs_from_agent_to_agent_and_stays_the_same_for_one() {
    let mut stage = Stage::new(Toolset::All);
    stage.happen(&Call("ann", "acquireLock", LOCK)).await;
    let mut times = BTreeMap::new();
    for name in ["bob", "cid", "dan", "eve"] {
        let mut told = Vec::new();
        for _ in 0..2 {
            let result = stage.call(name, "acquireLock", LOCK).await;
            told.push(result["structuredContent"]["retryAfterMs"].as_u64().unwrap());
        }
        assert_eq!(told[0], told[1], "{name}");
        assert!((12_000..=18_000).contains(&told[0]), "{told:?}");
        times.insert(told[0], name);
    }
    assert!(times.len() > 1, "{times:?}");
}
