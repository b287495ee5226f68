//! The hooks in a client's settings: put in, found again, and taken out, from text to text.

use serde_json::Value;

use super::clients::{Hooks, Occasion};
use super::edit_json::{self, Broken, Item, Step};
use super::handler::{Callee, Choices, Handler, Way};
use crate::hook::Enforce;

/// The member of the settings that holds the hooks of all events.
const TABLE: &str = "hooks";

/// Where a hook of ours is, and what it calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Call {
    pub(in crate::cli) event: String,
    pub(in crate::cli) matcher: Option<String>,
    pub(in crate::cli) handler: Handler,
    group: usize,
    index: usize,
    /// How many hooks its group has.
    siblings: usize,
}

/// How hooks are wanted. What was not said stays as it is where hooks are already.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) struct Style<'a> {
    pub(in crate::cli) callee: Callee<'a>,
    /// How they ask, on occasions that leave a choice.
    pub(in crate::cli) way: Way,
    pub(in crate::cli) enforce: Option<Enforce>,
    pub(in crate::cli) no_auto_lock: bool,
    /// Whether idle agents are to be woken.
    pub(in crate::cli) wake: bool,
}

/// Returns our hooks in the settings `value`, in their order.
pub(in crate::cli) fn calls(value: &Value) -> Vec<Call> {
    let mut calls = Vec::new();
    for (event, groups) in value[TABLE].as_object().into_iter().flatten() {
        for (group, content) in groups.as_array().into_iter().flatten().enumerate() {
            let handlers = content[TABLE].as_array().map(Vec::as_slice).unwrap_or_default();
            for (index, handler) in handlers.iter().enumerate() {
                if let Some(handler) = Handler::read(handler) {
                    calls.push(Call {
                        event: event.clone(),
                        matcher: content["matcher"].as_str().map(str::to_owned),
                        handler,
                        group,
                        index,
                        siblings: handlers.len(),
                    });
                }
            }
        }
    }
    calls
}

/// Returns what of `hooks` is not among `calls`.
pub(in crate::cli) fn missing<'h>(hooks: &'h Hooks, calls: &[Call]) -> Vec<&'h Occasion> {
    let there = |occasion: &Occasion| calls.iter().any(|call| call.is_of(occasion));
    hooks
        .occasions
        .iter()
        .filter(|occasion| !there(occasion))
        .collect()
}

/// Returns `text` with all of `hooks` as `style` wants them. A hook of ours that is otherwise, or whose program
/// `is_there` denies, is mended; all others stay as they are.
pub(super) fn add(
    text: Option<String>,
    hooks: &Hooks,
    style: Style<'_>,
    is_there: impl Fn(&str) -> bool,
) -> Result<Option<String>, Broken> {
    let found = calls(&edit_json::read(text.as_deref().unwrap_or_default())?);
    let mut text = text;
    for call in &found {
        if let (Some(old), Some((path, value))) = (text.as_deref(), style.mend(hooks, call, &is_there)) {
            text = Some(edit_json::replace(old, &path, &value)?);
        }
    }
    let like_others = found.iter().find(|call| !call.handler.wakes());
    let choices = style.choices(&like_others.map(|call| call.handler.choices()).unwrap_or_default());
    let mut wanted: Vec<(&str, String)> = Vec::new();
    for occasion in missing(hooks, &found) {
        let way = style.way_on(occasion);
        let handler = style.callee.handler(hooks, occasion, way, &choices);
        wanted.push((occasion.event, group(occasion.matcher, &handler)));
    }
    for event in hooks.waking.events.iter().filter(|_| style.wake) {
        let is_there = |call: &Call| call.event == **event && call.handler.wakes();
        if !found.iter().any(is_there) {
            let handler = style.callee.waiter(hooks.waking.limit);
            wanted.push((event, group(None, &handler)));
        }
    }
    for (event, group) in wanted {
        let path = [TABLE, event];
        text = Some(edit_json::add(text.as_deref(), &path, Item::Element(&group))?);
    }
    Ok(text)
}

impl Style<'_> {
    fn way_on(&self, occasion: &Occasion) -> Way {
        if occasion.on_bridge {
            self.way
        } else {
            Way::Process
        }
    }

    /// Returns what the user wants now, given what was chosen `before`.
    fn choices(&self, before: &Choices) -> Choices {
        Choices {
            enforce: self.enforce.or(before.enforce),
            no_auto_lock: self.no_auto_lock || before.no_auto_lock,
        }
    }

    /// Returns what is to be replaced for `call` to be as it is wanted, and by what.
    fn mend(
        &self,
        hooks: &Hooks,
        call: &Call,
        is_there: impl Fn(&str) -> bool,
    ) -> Option<(Vec<Step>, String)> {
        let before = call.handler.choices();
        let choices = if call.handler.wakes() {
            before.clone()
        } else {
            self.choices(&before)
        };
        let occasion = hooks.occasions.iter().find(|occasion| call.is_of(occasion));
        if let Some(occasion) = occasion {
            let way = self.way_on(occasion);
            let is_stale = call.handler.way() == Way::Bridge && !call.handler.tells(occasion, &choices);
            if call.handler.way() != way || choices.enforce != before.enforce || is_stale {
                let handler = self.callee.handler(hooks, occasion, way, &choices);
                return Some((call.path(), handler));
            }
        }
        let command = call.handler.mended(self.callee, &choices, is_there)?;
        let mut path = call.path();
        path.push(Step::Name("command".to_owned()));
        Some((path, Value::from(command).to_string()))
    }
}

/// Returns `text` without our hooks, `None` when it is a whole file that was made for them.
pub(super) fn remove(text: String) -> Result<Option<String>, Broken> {
    let found = calls(&edit_json::read(&text)?);
    let mut rest = text;
    let mut at = found.len();
    // From the last to the first, so that each removal undoes the addition that came after all others that are left.
    while let Some(last) = at.checked_sub(1).and_then(|at| found.get(at)) {
        let same_group = |call: &&Call| call.event == last.event && call.group == last.group;
        let ours = found[..at]
            .iter()
            .rev()
            .take_while(|call| same_group(call))
            .count();
        let mut paths = Vec::new();
        if ours == last.siblings {
            paths.push(last.group_path());
        } else {
            paths.extend(found[at - ours..at].iter().rev().map(Call::path));
        }
        for path in paths {
            match edit_json::remove(&rest, &path)? {
                Some(text) => rest = text,
                None => return Ok(None),
            }
        }
        at -= ours;
    }
    Ok(Some(rest))
}

impl Call {
    fn is_of(&self, occasion: &Occasion) -> bool {
        let is_same = self.event == occasion.event && self.matcher.as_deref() == occasion.matcher;
        is_same && !self.handler.wakes()
    }

    fn group_path(&self) -> Vec<Step> {
        let name = |name: &str| Step::Name(name.to_owned());
        vec![name(TABLE), name(&self.event), Step::Index(self.group)]
    }

    fn path(&self) -> Vec<Step> {
        let mut path = self.group_path();
        path.extend([Step::Name(TABLE.to_owned()), Step::Index(self.index)]);
        path
    }
}

/// Returns the group of one `handler`, in one line of JSON.
fn group(matcher: Option<&str>, handler: &str) -> String {
    let matcher = matcher.map(|matcher| format!(r#""matcher": {}, "#, Value::from(matcher)));
    format!(r#"{{ {}"hooks": [{handler}] }}"#, matcher.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::super::clients::Client;
    use super::super::program::Bridge;
    use super::*;

    fn hooks(client: Client) -> &'static Hooks {
        client.facts().hooks.as_ref().unwrap()
    }

    fn bridge(arguments: &[&str]) -> Bridge {
        Bridge {
            program: "callboard".to_owned(),
            arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
        }
    }

    fn style(bridge: &Bridge, client: Client, way: Way) -> Style<'_> {
        Style {
            callee: Callee { bridge, client },
            way,
            enforce: None,
            no_auto_lock: false,
            wake: false,
        }
    }

    fn add_to(text: Option<&str>, client: Client, style: Style<'_>) -> String {
        let text = text.map(str::to_owned);
        add(text, hooks(client), style, |_| true).unwrap().unwrap()
    }

    /// Returns how the hooks in `text` ask, each once.
    fn ways(text: &str) -> Vec<Way> {
        let calls = calls(&edit_json::read(text).unwrap());
        calls.iter().map(|call| call.handler.way()).collect()
    }

    const THEIRS: &str = "{\r\n  // mine\r\n  \"hooks\": {\r\n    \"Stop\": [\r\n      { \"hooks\": [{ \"type\": \"command\", \"command\": \"say hook done\" }] }, // loud\r\n    ],\r\n    \"PreToolUse\": []\r\n  }\r\n}";

    #[test]
    fn hooks_come_and_go_beside_those_of_others() {
        let bridge = bridge(&["bridge", "--namespace", "n"]);
        for (client, way) in [
            (Client::Claude, Way::Process),
            (Client::Claude, Way::Bridge),
            (Client::Codex, Way::Process),
            (Client::Gemini, Way::Process),
        ] {
            for before in [
                None,
                Some(""),
                Some("{}"),
                Some("{ \"hooks\": {} }\n"),
                Some(THEIRS),
            ] {
                let mut style = style(&bridge, client, way);
                style.wake = true;
                let text = add_to(before, client, style);
                let value = edit_json::read(&text).unwrap();
                assert_eq!(
                    missing(hooks(client), &calls(&value)),
                    Vec::<&Occasion>::new(),
                    "{text}"
                );
                let again = add_to(Some(&text), client, style);
                assert_eq!(again, text, "a second time changes nothing");
                style.wake = false;
                assert_eq!(add_to(Some(&text), client, style), text, "who is woken stays so");
                assert_eq!(remove(text).unwrap().as_deref(), before);
            }
        }
    }

    #[test]
    fn over_the_bridge_goes_what_can_and_what_was_by_a_process_changes_in_its_place() {
        let bridge = bridge(&["bridge"]);
        let by_process = add_to(
            Some(THEIRS),
            Client::Claude,
            style(&bridge, Client::Claude, Way::Process),
        );
        let mixed = style(&bridge, Client::Claude, Way::Bridge);
        let over_bridge = add_to(Some(&by_process), Client::Claude, mixed);
        let apart = [Way::Process, Way::Bridge].map(|way| {
            let is_way = |one: &&Way| **one == way;
            ways(&over_bridge).iter().filter(is_way).count()
        });
        assert_eq!(
            apart,
            [3, 9],
            "a session begins, perhaps with a prompt, and ends without a connection: {over_bridge}"
        );
        assert_eq!(over_bridge, add_to(Some(THEIRS), Client::Claude, mixed));
        let back = add_to(
            Some(&over_bridge),
            Client::Claude,
            style(&bridge, Client::Claude, Way::Process),
        );
        assert_eq!(back, by_process);
        assert_eq!(remove(over_bridge).unwrap().as_deref(), Some(THEIRS));
    }

    #[test]
    fn what_the_user_chose_goes_along_and_opens_the_way_when_it_says_so() {
        let bridge = bridge(&["bridge"]);
        let mut chosen = style(&bridge, Client::Claude, Way::Process);
        (chosen.enforce, chosen.no_auto_lock) = (Some(Enforce::Open), true);
        let text = add_to(None, Client::Claude, chosen);
        assert!(!text.contains("onFailure"), "{text}");
        assert!(
            text.contains("callboard hook claude --enforce open --no-auto-lock\""),
            "{text}"
        );
        let text = add_to(
            Some(&text),
            Client::Claude,
            style(&bridge, Client::Claude, Way::Bridge),
        );
        assert!(!text.contains("onFailure"), "{text}");
        assert!(
            text.contains(r#""auto_lock": "false""#) && text.contains(r#""enforce": "open""#),
            "{text}"
        );
        chosen.enforce = Some(Enforce::Closed);
        let text = add_to(Some(&text), Client::Claude, chosen);
        assert_eq!(text.matches("onFailure").count(), 1, "{text}");
        assert!(text.contains("--enforce closed"), "{text}");
    }

    #[test]
    fn a_hook_about_another_board_is_mended_alone() {
        let text =
            r#"{"hooks":{"Stop":[{"hooks":[{"command":"callboard hook claude --socket /s","timeout":9}]}]}}"#;
        let none = Hooks {
            occasions: &[],
            ..*hooks(Client::Claude)
        };
        let bridge = bridge(&["bridge", "--namespace", "n"]);
        let style = style(&bridge, Client::Claude, Way::Process);
        let mended = add(Some(text.to_owned()), &none, style, |_| true);
        assert_eq!(
            mended.unwrap().unwrap(),
            text.replace("--socket /s", "--namespace n")
        );
    }

    #[test]
    fn a_call_in_a_group_of_others_goes_alone() {
        let text = r#"{"hooks":{"Stop":[{"hooks":[{"command":"a"},{"command":"callboard hook claude"},{"type":"mcp_tool","server":"callboard","tool":"hook"},{"command":"/x/callboard hook claude --enforce open"}]}]}}"#;
        let rest = r#"{"hooks":{"Stop":[{"hooks":[{"command":"a"}]}]}}"#;
        assert_eq!(remove(text.to_owned()).unwrap().as_deref(), Some(rest));
    }
}
