//! What a model makes of an answer: situations in which the answer alone must lead to the right next call.
//!
//! Each says what has happened, which call is made, with which code it is answered, and what the answer must
//! say: when to try again, whom to ask, which tool comes next, what to stop.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use callboard::board::{Key, Limits, Namespace};
use callboard::mcp::Toolset;
use serde_json::{Value, json};
use support::raw::Raw;
use support::served::Served;
use tokio::io::DuplexStream;

/// Something that happens before the call.
enum Step {
    /// An agent calls a tool and is answered.
    Call(&'static str, &'static str, &'static str),
    /// An agent calls a tool and stands in line.
    Wait(&'static str, &'static str, &'static str),
    /// Seconds pass.
    Pass(u64),
    /// The person at the board ends what stands under a key.
    End(&'static str),
    /// An agent sends so many messages to another.
    Flood(&'static str, &'static str, usize),
}

use Step::{Call, End, Flood, Pass, Wait};

struct Situation {
    title: &'static str,
    before: &'static [Step],
    /// Who calls which tool, with what.
    call: (&'static str, &'static str, &'static str),
    /// The code of the refusal, or `ok`.
    code: &'static str,
    /// What the answer must say.
    says: &'static [&'static str],
}

const LOCK: &str = r#"{"targets":["src/a.rs"],"why":"tidy up"}"#;
const LOCK_B: &str = r#"{"targets":["src/b.rs"]}"#;
const WAIT: &str = r#"{"targets":["src/a.rs"],"waitMs":50000}"#;
const WAIT_B: &str = r#"{"targets":["src/b.rs"],"waitMs":50000}"#;
const TASK: &str = r#"{"key":"task:1","value":"{\"taskId\":\"1\",\"description\":\"tidy up\"}"}"#;
const FENCED: &str = r#"{"ops":[{"key":"out","value":"x"}],"ifFence":1}"#;
/// Longer than an agent may be silent, and its locks outlive that.
const LONG: u64 = 1_201;

const SITUATIONS: [Situation; 36] = [
    Situation {
        title: "a free file",
        before: &[],
        call: ("ann", "acquireLock", LOCK),
        code: "ok",
        says: &[
            r#""fence":1"#,
            r#""targets":["src/a.rs"]"#,
            r#""expiresInMs":300000"#,
        ],
    },
    Situation {
        title: "a file that somebody else holds: who, what for, when again, whom to ask",
        before: &[Call("ann", "acquireLock", LOCK)],
        call: ("bob", "acquireLock", LOCK),
        code: "HELD",
        says: &[
            r#""heldBy":"ann""#,
            r#""why":"tidy up""#,
            r#""expiresInMs":300000"#,
            r#""position":1"#,
            "retryAfterMs",
            "do not edit it",
            "Do other work",
            "acquireLock the same again with waitMs",
            "sendMessage to ann",
        ],
    },
    Situation {
        title: "a file in a directory that somebody else holds",
        before: &[Call("ann", "acquireLock", r#"{"targets":["src"]}"#)],
        call: ("bob", "acquireLock", LOCK),
        code: "HELD",
        says: &[r#""targets":["src"]"#, "ann holds src"],
    },
    Situation {
        title: "a file for which others stood in line before",
        before: &[Call("ann", "acquireLock", LOCK), Wait("bob", "acquireLock", WAIT)],
        call: ("cid", "acquireLock", LOCK),
        code: "HELD",
        says: &[r#""position":2"#, "stand in line"],
    },
    Situation {
        title: "a wait in vain",
        before: &[Call("ann", "acquireLock", LOCK)],
        call: ("bob", "acquireLock", r#"{"targets":["src/a.rs"],"waitMs":1}"#),
        code: "HELD",
        says: &["place is kept 30 s", "Do other work"],
    },
    Situation {
        title: "a lock of one's own, again",
        before: &[Call("ann", "acquireLock", LOCK)],
        call: ("ann", "acquireLock", LOCK),
        code: "ok",
        says: &[r#""fence":1"#],
    },
    Situation {
        title: "a wait that would never end",
        before: &[
            Call("ann", "acquireLock", LOCK),
            Call("bob", "acquireLock", LOCK_B),
            Wait("ann", "acquireLock", WAIT_B),
        ],
        call: ("bob", "acquireLock", WAIT),
        code: "DEADLOCK",
        says: &[
            r#""owner":"ann","holds":["src/a.rs"],"wants":["src/b.rs"]"#,
            "ann waits for src/b.rs, which you hold",
            "releaseLock what you hold",
            "in one call",
        ],
    },
    Situation {
        title: "the first call after a lock ran out, whichever it is",
        before: &[Call("ann", "acquireLock", LOCK), Pass(LONG)],
        call: ("ann", "getStorage", r#"{"key":"x"}"#),
        code: "ok",
        says: &[
            r#""lost":[{"targets":["src/a.rs"],"fence":1,"reason":"expired"}]"#,
            "you were silent",
            "stop editing",
            "acquireLock again",
            "read again",
        ],
    },
    Situation {
        title: "the next call after the person ended a lock",
        before: &[Call("ann", "acquireLock", LOCK), End("lock:src/a.rs")],
        call: ("ann", "heartbeat", "{}"),
        code: "ok",
        says: &[r#""reason":"person""#, "ended by the person", "stop editing"],
    },
    Situation {
        title: "a write under a lock that ran out",
        before: &[Call("ann", "acquireLock", LOCK), Pass(LONG)],
        call: ("ann", "updateStorage", FENCED),
        code: "LOST",
        says: &[
            r#""fence":1"#,
            r#""reason":"expired""#,
            r#""targets":["src/a.rs"]"#,
            "stop editing it",
            "acquireLock it again",
            "read it again",
        ],
    },
    Situation {
        title: "a write under a lock that somebody else has by now",
        before: &[
            Call("ann", "acquireLock", LOCK),
            Pass(LONG),
            Call("bob", "acquireLock", LOCK),
        ],
        call: ("ann", "updateStorage", FENCED),
        code: "LOST",
        says: &[r#""heldBy":"bob""#, "stop editing it"],
    },
    Situation {
        title: "a write under a fence that never was",
        before: &[],
        call: ("ann", "updateStorage", FENCED),
        code: "LOST",
        says: &["you hold nothing under 1", "acquireLock"],
    },
    Situation {
        title: "the next call of a holder for whom somebody waits",
        before: &[Call("ann", "acquireLock", LOCK), Wait("bob", "acquireLock", WAIT)],
        call: ("ann", "listKeys", r#"{"pattern":"task:*"}"#),
        code: "ok",
        says: &[
            r#""wanted":[{"targets":["src/a.rs"],"by":"bob""#,
            "waitingMs",
            "bob waits for src/a.rs: releaseLock as soon as you are done",
        ],
    },
    Situation {
        title: "a release of nothing",
        before: &[],
        call: ("ann", "releaseLock", r#"{"fence":7}"#),
        code: "ok",
        says: &[r#""released":[]"#, "holds nothing under fence 7", "another `as`"],
    },
    Situation {
        title: "one target that is no list",
        before: &[],
        call: ("ann", "acquireLock", r#"{"targets":"src/a.rs"}"#),
        code: "INVALID",
        says: &[
            r#""field":"targets""#,
            "list of 1 to 64 strings",
            r#"[\"src/a.rs\"]"#,
        ],
    },
    Situation {
        title: "a pattern as a target",
        before: &[],
        call: ("ann", "acquireLock", r#"{"targets":["src/*.rs"]}"#),
        code: "INVALID",
        says: &[r#""field":"targets[0]""#, "lock the directory instead: src"],
    },
    Situation {
        title: "a key as a target",
        before: &[],
        call: ("ann", "acquireLock", r#"{"targets":["x","lock:src/a.rs"]}"#),
        code: "INVALID",
        says: &[r#""field":"targets[1]""#, "write the path alone: src/a.rs"],
    },
    Situation {
        title: "a wait that clients would cut",
        before: &[],
        call: ("ann", "acquireLock", r#"{"targets":["a"],"waitMs":60000}"#),
        code: "INVALID",
        says: &[r#""field":"waitMs""#, "from 0 to 50000"],
    },
    Situation {
        title: "a misspelt argument, which must not release everything",
        before: &[Call("ann", "acquireLock", LOCK)],
        call: ("ann", "releaseLock", r#"{"fences":1}"#),
        code: "INVALID",
        says: &[r#""field":"fences""#, "no such argument"],
    },
    Situation {
        title: "a name that somebody else has",
        before: &[Call("bob", "heartbeat", "{}")],
        call: ("ann", "acquireLock", r#"{"targets":["a"],"as":"bob"}"#),
        code: "INVALID",
        says: &[r#""field":"as""#, "choose another name"],
    },
    Situation {
        title: "a raw lock that somebody else holds",
        before: &[Call("ann", "acquireLock", LOCK)],
        call: ("bob", "setStorage", r#"{"key":"lock:src/a.rs","value":"{}"}"#),
        code: "Key is leased",
        says: &[
            "held by ann for another 300 s",
            "do not edit",
            "acquireLock src/a.rs with waitMs",
        ],
    },
    Situation {
        title: "a board with no room for another lock",
        before: &[
            Call("ann", "acquireLock", r#"{"targets":["a","b","c"]}"#),
            Call("ann", "acquireLock", r#"{"targets":["d"]}"#),
        ],
        call: ("ann", "acquireLock", r#"{"targets":["e"]}"#),
        code: "FULL",
        says: &[
            r#""which":"locks","limit":4"#,
            "releaseLock what you no longer need",
            "lock a directory",
        ],
    },
    Situation {
        title: "a task to do",
        before: &[Call("lead", "setStorage", TASK)],
        call: ("ann", "claimTask", "{}"),
        code: "ok",
        says: &[r#""key":"task:1""#, "tidy up", r#""token":"#, r#""attempt":1"#],
    },
    Situation {
        title: "nothing to do",
        before: &[],
        call: ("ann", "claimTask", "{}"),
        code: "ok",
        says: &[
            r#""key":null"#,
            r#""pending":0"#,
            r#""claimed":0"#,
            "retryAfterMs",
        ],
    },
    Situation {
        title: "nothing to do because somebody else does it",
        before: &[Call("lead", "setStorage", TASK), Call("ann", "claimTask", "{}")],
        call: ("bob", "claimTask", "{}"),
        code: "ok",
        says: &[r#""key":null"#, r#""claimed":1"#],
    },
    Situation {
        title: "a raw write of a task that somebody else does",
        before: &[Call("lead", "setStorage", TASK), Call("ann", "claimTask", "{}")],
        call: ("bob", "setStorage", TASK),
        code: "Key is leased",
        says: &["held by ann", "claimTask for another task"],
    },
    Situation {
        title: "a result for a task that was lost",
        before: &[
            Call(
                "lead",
                "setStorage",
                r#"{"key":"task:1","value":"{}","ttl":86400}"#,
            ),
            Call("ann", "claimTask", "{}"),
            Pass(LONG),
        ],
        call: ("ann", "submitTask", r#"{"token":2,"outcome":"done"}"#),
        code: "LOST",
        says: &[
            r#""key":"task:1""#,
            r#""reason":"expired""#,
            "stop working on it",
            "claimTask",
        ],
    },
    Situation {
        title: "a result under a token that never was",
        before: &[],
        call: ("ann", "submitTask", r#"{"token":7,"outcome":"done"}"#),
        code: "NOT_FOUND",
        says: &["give the token that came with the task"],
    },
    Situation {
        title: "the same result again",
        before: &[
            Call("lead", "setStorage", TASK),
            Call("ann", "claimTask", "{}"),
            Call("ann", "submitTask", r#"{"token":2,"outcome":"done"}"#),
        ],
        call: ("ann", "submitTask", r#"{"token":2,"outcome":"done"}"#),
        code: "ok",
        says: &[r#""key":"task:1","state":"done""#],
    },
    Situation {
        title: "a made-up outcome",
        before: &[],
        call: ("ann", "submitTask", r#"{"token":2,"outcome":"completed"}"#),
        code: "INVALID",
        says: &[r#""field":"outcome""#, "done, failed, retry"],
    },
    Situation {
        title: "the next call of an agent that has got a message",
        before: &[
            Call("ann", "heartbeat", "{}"),
            Call("bob", "sendMessage", r#"{"to":"ann","body":"hello"}"#),
        ],
        call: (
            "ann",
            "setStorage",
            r#"{"key":"status:ann:1","value":"in_progress"}"#,
        ),
        code: "ok",
        says: &[r#""inbox":1"#, "receiveMessages"],
    },
    Situation {
        title: "a message to all when nobody else is here",
        before: &[],
        call: ("ann", "sendMessage", r#"{"to":"*","body":"hello"}"#),
        code: "NOT_FOUND",
        says: &["no other agent here"],
    },
    Situation {
        title: "a message to somebody who does not read",
        before: &[Flood("ann", "bob", 1_000)],
        call: ("ann", "sendMessage", r#"{"to":"bob","body":"hello"}"#),
        code: "FULL",
        says: &[
            r#""which":"messages","limit":1000"#,
            "recipient must receiveMessages",
            "tell the person",
        ],
    },
    Situation {
        title: "a change that depends on what is not so any more",
        before: &[Call("bob", "setStorage", r#"{"key":"n","value":"2"}"#)],
        call: (
            "ann",
            "updateStorage",
            r#"{"ops":[{"key":"n","value":"3","ifValue":"1"}]}"#,
        ),
        code: "CONFLICT",
        says: &[
            r#""key":"n","rev":1,"value":"2""#,
            "nothing was written",
            "look at n again",
        ],
    },
    Situation {
        title: "a cursor of another board",
        before: &[],
        call: ("ann", "watchStorage", r#"{"pattern":"*","since":9}"#),
        code: "INVALID",
        says: &[
            r#""field":"since""#,
            "ahead of the board",
            "list, then watch from its rev",
        ],
    },
    Situation {
        title: "a tool under the name that another server gives it",
        before: &[],
        call: ("ann", "acquire_locks", LOCK),
        code: "NOT_FOUND",
        says: &["did you mean acquireLock?", "releaseLock"],
    },
];

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
    let offered =
        |name: &str| !["sendMessage", "receiveMessages", "heartbeat", "watchStorage"].contains(&name);
    let missing = ["sendMessage", "receiveMessages", "heartbeat", "watchStorage"];
    for situation in &SITUATIONS {
        let calls = situation.before.iter().filter_map(|step| match step {
            Call(_, tool, _) | Wait(_, tool, _) => Some(*tool),
            Flood(..) => Some("sendMessage"),
            Pass(_) | End(_) => None,
        });
        if !calls.chain([situation.call.1]).all(offered) || situation.call.1 == "updateStorage" {
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
