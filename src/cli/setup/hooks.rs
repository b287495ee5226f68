//! The hooks in a client's settings: put in, found again, and taken out, from text to text.

use serde_json::Value;

use super::clients::{Hooks, Occasion};
use super::edit_json::{self, Broken, Item, Step};
use super::handler::{self, Callee, Handler, Way};
use super::style::Style;

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

/// Tells whether `call` asks over the bridge otherwise than this version does, and so is mended by setup.
pub(in crate::cli) fn is_outdated(hooks: &Hooks, call: &Call) -> bool {
    let handler = &call.handler;
    let tells = |occasion: &Occasion| occasion.on_bridge && handler.tells(occasion, &handler.choices());
    let occasion = hooks.occasions.iter().find(|occasion| call.is_of(occasion));
    handler.way() == Way::Bridge && occasion.is_some_and(|occasion| !tells(occasion))
}

/// Returns how those of `calls` ask that have a choice, `None` when there are none.
pub(in crate::cli) fn way_of(hooks: &Hooks, calls: &[Call]) -> Option<Way> {
    let has_choice = |call: &&Call| {
        let mut occasions = hooks.occasions.iter();
        occasions.any(|occasion| occasion.on_bridge && call.is_of(occasion))
    };
    calls.iter().find(has_choice).map(|call| call.handler.way())
}

/// Returns `text` with all of `hooks` as `style` wants them. A hook of ours that is otherwise, or whose program
/// `is_there` denies, is mended; all others stay as they are.
pub(super) fn add(
    text: Option<String>,
    hooks: &Hooks,
    callee: Callee<'_>,
    style: Style,
    is_there: impl Fn(&str) -> bool,
) -> Result<Option<String>, Broken> {
    let mut text = match text {
        Some(text) if style.wake == Some(false) => without_waiters(text)?,
        text => text,
    };
    let found = calls(&edit_json::read(text.as_deref().unwrap_or_default())?);
    for call in &found {
        text = match text {
            Some(text) => style.mend(text, hooks, callee, call, &is_there)?,
            None => None,
        };
    }
    let like_others = found.iter().find(|call| !call.handler.wakes());
    let choices = style.choices(&like_others.map(|call| call.handler.choices()).unwrap_or_default());
    let usual = way_of(hooks, &found).unwrap_or(style.usual);
    let mut wanted: Vec<(&str, String)> = Vec::new();
    for occasion in missing(hooks, &found) {
        let way = style.way_on(occasion, usual);
        let command = callee.command(choices.clone(), false);
        let handler = handler::handler(hooks, occasion, way, &command);
        wanted.push((occasion.event, group(occasion.matcher, &handler)));
    }
    for event in hooks.waking.events.iter().filter(|_| style.wake == Some(true)) {
        let is_there = |call: &Call| call.event == **event && call.handler.wakes();
        if !found.iter().any(is_there) {
            let handler = callee.waiter(hooks.waking.limit);
            wanted.push((event, group(None, &handler)));
        }
    }
    for (event, group) in wanted {
        let path = [TABLE, event];
        text = Some(edit_json::add(text.as_deref(), &path, Item::Element(&group))?);
    }
    Ok(text)
}

/// Returns `text` with our hooks about the board of `callee`, and nothing else about them changed.
pub(super) fn redirect(text: String, callee: Callee<'_>) -> Result<String, Broken> {
    let found = calls(&edit_json::read(&text)?);
    found.iter().try_fold(text, |text, call| {
        let moved = call.handler.mended(callee, &call.handler.choices(), |_| true);
        match moved {
            Some(command) => {
                edit_json::replace(&text, &call.member("command"), &Value::from(command).to_string())
            }
            None => Ok(text),
        }
    })
}

/// Returns `text` without our hooks, `None` when it is a whole file that was made for them.
pub(super) fn remove(text: String) -> Result<Option<String>, Broken> {
    let found = calls(&edit_json::read(&text)?);
    without(text, &found)
}

fn without_waiters(text: String) -> Result<Option<String>, Broken> {
    let mut found = calls(&edit_json::read(&text)?);
    found.retain(|call| call.handler.wakes());
    without(text, &found)
}

/// Returns `text` without the hooks `found` in it.
fn without(text: String, found: &[Call]) -> Result<Option<String>, Broken> {
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
    pub(super) fn is_of(&self, occasion: &Occasion) -> bool {
        let is_same = self.event == occasion.event && self.matcher.as_deref() == occasion.matcher;
        is_same && !self.handler.wakes()
    }

    fn group_path(&self) -> Vec<Step> {
        let name = |name: &str| Step::Name(name.to_owned());
        vec![name(TABLE), name(&self.event), Step::Index(self.group)]
    }

    pub(super) fn path(&self) -> Vec<Step> {
        let mut path = self.group_path();
        path.extend([Step::Name(TABLE.to_owned()), Step::Index(self.index)]);
        path
    }

    /// Returns the path of the member `name` of the hook.
    pub(super) fn member(&self, name: &str) -> Vec<Step> {
        let mut path = self.path();
        path.push(Step::Name(name.to_owned()));
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
    use super::super::address::Address;
    use super::super::clients::Client;
    use super::super::handler::ON_FAILURE;
    use super::super::style::Enforcing;
    use super::*;

    fn hooks(client: Client) -> &'static Hooks {
        client.facts().hooks.as_ref().unwrap()
    }

    /// Returns hooks as they are when nothing is said.
    fn style(usual: Way) -> Style {
        Style {
            way: None,
            usual,
            enforce: None,
            auto_lock: None,
            wake: None,
        }
    }

    fn add_at(place: &[&str], text: Option<&str>, client: Client, style: Style) -> String {
        let place = place.iter().map(|word| (*word).to_owned()).collect();
        let callee = Callee {
            program: "callboard",
            address: &Address::take(place).unwrap().0,
            client,
        };
        let text = text.map(str::to_owned);
        add(text, hooks(client), callee, style, |_| true)
            .unwrap()
            .unwrap()
    }

    fn add_to(text: Option<&str>, client: Client, style: Style) -> String {
        add_at(&[], text, client, style)
    }

    /// Returns how the hooks in `text` ask, each once.
    fn ways(text: &str) -> Vec<Way> {
        let calls = calls(&edit_json::read(text).unwrap());
        calls.iter().map(|call| call.handler.way()).collect()
    }

    const THEIRS: &str = "{\r\n  // mine\r\n  \"hooks\": {\r\n    \"Stop\": [\r\n      { \"hooks\": [{ \"type\": \"command\", \"command\": \"say hook done\" }] }, // loud\r\n    ],\r\n    \"PreToolUse\": []\r\n  }\r\n}";

    #[test]
    fn hooks_come_and_go_beside_those_of_others() {
        let place = ["--namespace", "n"];
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
                let mut style = style(way);
                let asleep = add_at(&place, before, client, style);
                style.wake = Some(true);
                let text = add_at(&place, Some(&asleep), client, style);
                let value = edit_json::read(&text).unwrap();
                assert_eq!(
                    missing(hooks(client), &calls(&value)),
                    Vec::<&Occasion>::new(),
                    "{text}"
                );
                let again = add_at(&place, Some(&text), client, style);
                assert_eq!(again, text, "a second time changes nothing");
                style.wake = None;
                let same = add_at(&place, Some(&text), client, style);
                assert_eq!(same, text, "who is woken stays so");
                style.wake = Some(false);
                assert_eq!(add_at(&place, Some(&text), client, style), asleep);
                assert_eq!(remove(text).unwrap().as_deref(), before);
            }
        }
    }

    #[test]
    fn over_the_bridge_goes_what_can_and_the_way_changes_only_when_it_is_said() {
        let by_process = add_to(Some(THEIRS), Client::Claude, style(Way::Process));
        let over_bridge = add_to(Some(THEIRS), Client::Claude, style(Way::Bridge));
        let apart = [Way::Process, Way::Bridge].map(|way| {
            let is_way = |one: &&Way| **one == way;
            ways(&over_bridge).iter().filter(is_way).count()
        });
        assert_eq!(
            apart,
            [3, 9],
            "a session begins, perhaps with a prompt, and ends without a connection: {over_bridge}"
        );
        for (text, other) in [(&by_process, &over_bridge), (&over_bridge, &by_process)] {
            for usual in [Way::Process, Way::Bridge] {
                assert_eq!(&add_to(Some(text), Client::Claude, style(usual)), text);
                let mut said = style(usual);
                said.way = Some(if other == &by_process {
                    Way::Process
                } else {
                    Way::Bridge
                });
                assert_eq!(&add_to(Some(text), Client::Claude, said), other);
            }
        }
        assert_eq!(remove(over_bridge).unwrap().as_deref(), Some(THEIRS));
    }

    #[test]
    fn what_the_user_chose_goes_along_and_back_to_what_it_was() {
        let usual = style(Way::Process);
        let plain = add_to(None, Client::Claude, usual);
        let mut open = usual;
        (open.enforce, open.auto_lock) = (Some(Enforcing::Open), Some(false));
        let text = add_to(None, Client::Claude, open);
        assert!(!text.contains("onFailure"), "{text}");
        assert!(
            text.contains("callboard hook claude --enforce open --no-auto-lock\""),
            "{text}"
        );
        let mut moved = usual;
        moved.way = Some(Way::Bridge);
        let text = add_to(Some(&text), Client::Claude, moved);
        assert!(!text.contains("onFailure"), "{text}");
        assert!(
            text.contains(r#""auto_lock": "false""#) && text.contains(r#""enforce": "open""#),
            "{text}"
        );
        let mut back = usual;
        (back.way, back.enforce) = (Some(Way::Process), Some(Enforcing::Closed));
        let text = add_to(Some(&text), Client::Claude, back);
        assert_eq!(text.matches("onFailure").count(), 1, "{text}");
        assert!(text.contains("--enforce closed --no-auto-lock"), "{text}");
        (back.enforce, back.auto_lock) = (Some(Enforcing::Auto), Some(true));
        assert_eq!(add_to(Some(&text), Client::Claude, back), plain);
    }

    #[test]
    fn what_people_have_added_to_a_command_survives_what_is_chosen_later() {
        let text = r#"{"hooks":{"Stop":[{"hooks":[{"command":"callboard hook claude --loud 2>>log","timeout":5}]}]}}"#;
        let mut closed = style(Way::Process);
        closed.enforce = Some(Enforcing::Closed);
        let text = add_to(Some(text), Client::Claude, closed);
        assert!(
            text.contains("callboard hook claude --enforce closed --loud 2>>log\""),
            "{text}"
        );
        assert_eq!(text.matches("\"Stop\"").count(), 1, "{text}");
    }

    #[test]
    fn what_people_have_changed_about_a_hook_survives_as_long_as_it_asks_in_the_same_way() {
        for way in [Way::Process, Way::Bridge] {
            let mut usual = style(way);
            let own = |text: String| {
                let text = text.replace(r#""timeout": 5"#, r#""timeout": 30, "statusMessage": "…""#);
                text.replace(r#""type": ""#, r#"/* mine */ "type": ""#)
            };
            let plain = own(add_to(None, Client::Claude, usual));
            (usual.enforce, usual.auto_lock) = (Some(Enforcing::Open), Some(false));
            let open = own(add_to(None, Client::Claude, usual));
            assert_ne!(open.contains(ON_FAILURE), plain.contains(ON_FAILURE));
            assert_eq!(add_to(Some(&plain), Client::Claude, usual), open, "{way:?}");
            (usual.enforce, usual.auto_lock) = (Some(Enforcing::Auto), Some(true));
            assert_eq!(add_to(Some(&open), Client::Claude, usual), plain, "{way:?}");
        }
        let bare = r#"{"hooks":{"Stop":[{"hooks":[{"server":"callboard","tool":"hook","timeout":30,"onFailure":"block"}]}]}}"#;
        let text = add_to(Some(bare), Client::Claude, style(Way::Bridge));
        let kept = r#""timeout":30,"onFailure":"block", "input": { "hook_event"#;
        assert!(text.contains(kept), "{text}");
    }

    #[test]
    fn a_hook_about_another_board_is_led_back_alone() {
        let text = r#"{"hooks":{"Stop":[{"hooks":[{"command":"callboard hook claude --socket /s --enforce open","timeout":9}]}]}}"#;
        let callee = Callee {
            program: "/else/callboard",
            address: &Address::take(vec!["--namespace=n".to_owned()]).unwrap().0,
            client: Client::Claude,
        };
        let led = redirect(text.to_owned(), callee).unwrap();
        assert_eq!(led, text.replace("--socket /s", "--namespace n"));
    }

    #[test]
    fn a_call_in_a_group_of_others_goes_alone() {
        let text = r#"{"hooks":{"Stop":[{"hooks":[{"command":"a"},{"command":"callboard hook claude"},{"type":"mcp_tool","server":"callboard","tool":"hook"},{"command":"/x/callboard hook claude --enforce open"}]}]}}"#;
        let rest = r#"{"hooks":{"Stop":[{"hooks":[{"command":"a"}]}]}}"#;
        assert_eq!(remove(text.to_owned()).unwrap().as_deref(), Some(rest));
    }
}
