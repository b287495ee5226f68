//! `updateStorage`: several writes at once with conditions. Bulk, compare-and-set and fenced writes in one.

use rmcp::model::JsonObject;
use rmcp::object;
use serde::Serialize;

use super::{Arguments, Entry, Family, Run, Toolset};
use crate::board::{Action, Call, Condition, Delete, Op, Refusal, Revision, Set};
use crate::mcp::answer::{self, Outcome};
use crate::mcp::fault::Fault;

pub(super) static TOOL: Entry = Entry {
    name: "updateStorage",
    title: "Change several keys at once",
    description: "Several writes, all or none. ifRev (0 = must not exist) and ifValue are conditions on a key, \
                  ifFence on a lock that you hold. An op with neither value nor delete only checks.",
    schema,
    family: Family::Storage,
    set: Toolset::All,
    changes: true,
    idempotent: false,
    always_load: false,
    run: Run::Now(call),
};

fn schema() -> JsonObject {
    object!({
        "type": "object",
        "properties": {
            "ops": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "key": { "type": "string" },
                        "value": { "type": "string" },
                        "delete": { "type": "boolean" },
                        "ttl": { "type": "number" },
                        "ifRev": { "type": "integer" },
                        "ifValue": { "type": "string" },
                    },
                    "required": ["key"],
                    "additionalProperties": false,
                },
            },
            "ifFence": { "type": "integer" },
        },
        "required": ["ops"],
        "additionalProperties": false,
    })
}

#[derive(Serialize)]
struct Answer {
    success: bool,
    /// The revision of the batch; the board's when the batch changed nothing.
    rev: Revision,
}

fn call(agent: &Call<'_>, mut arguments: Arguments) -> Outcome {
    let ops = arguments.objects("ops")?;
    let if_fence = arguments.revision("ifFence")?;
    arguments.end()?;
    let ops = ops.into_iter().map(op).collect::<Result<_, _>>()?;
    let rev = agent.update(ops, if_fence)?;
    answer::success(&Answer { success: true, rev })
}

fn op(mut arguments: Arguments) -> Result<Op, Fault> {
    let invalid =
        |arguments: &Arguments, name: &str, refusal: Refusal| arguments.invalid(name, refusal.to_string());
    let key = arguments
        .key()
        .map_err(|refusal| invalid(&arguments, "key", refusal))?;
    let delete = arguments.flag("delete")?;
    let value = match arguments.value() {
        Ok(value) => Some(value),
        Err(Refusal::ValueRequired) => None,
        Err(refusal) => return Err(invalid(&arguments, "value", refusal)),
    };
    let ttl = arguments
        .ttl()
        .map_err(|refusal| invalid(&arguments, "ttl", refusal))?;
    let condition = Condition {
        if_rev: arguments.revision("ifRev")?,
        if_value: arguments.text("ifValue")?.map(Into::into),
    };
    let action = match (value, delete) {
        (Some(_), true) => return Err(arguments.invalid("delete", "give a value or delete, not both")),
        (Some(value), false) => {
            let set = Set::new(key, value, ttl);
            Action::Set(set.map_err(|refusal| invalid(&arguments, "value", refusal))?)
        }
        (None, true) => Action::Delete(Delete { key }),
        (None, false) => Action::Check(key),
    };
    arguments.end()?;
    Ok(Op { action, condition })
}
