//! The situations, as a table.

/// Something that happens before the call.
pub(super) enum Step {
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

pub(super) struct Situation {
    pub(super) title: &'static str,
    pub(super) before: &'static [Step],
    /// Who calls which tool, with what.
    pub(super) call: (&'static str, &'static str, &'static str),
    /// The code of the refusal, or `ok`.
    pub(super) code: &'static str,
    /// What the answer must say.
    pub(super) says: &'static [&'static str],
}

pub(super) const LOCK: &str = r#"{"targets":["src/a.rs"],"why":"tidy up"}"#;
const LOCK_B: &str = r#"{"targets":["src/b.rs"]}"#;
const WAIT: &str = r#"{"targets":["src/a.rs"],"waitMs":50000}"#;
const WAIT_B: &str = r#"{"targets":["src/b.rs"],"waitMs":50000}"#;
const TASK: &str = r#"{"key":"task:1","value":"{\"taskId\":\"1\",\"description\":\"tidy up\"}"}"#;
const FENCED: &str = r#"{"ops":[{"key":"out","value":"x"}],"ifFence":1}"#;
/// Longer than an agent may be silent, and its locks outlive that.
const LONG: u64 = 1_201;

pub(super) const SITUATIONS: [Situation; 36] = [
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
            "ran out",
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
            "acquireLock what you wanted with waitMs",
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
        says: &["held by ann", "claimTask for another task", "sendMessage to ann"],
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
            "wait unread for that agent",
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
