//! The file of ours that a client loads in the place of hooks: written for a board and for what the user chose, and
//! read again.

use serde_json::Value;

use super::clients::Plugin;
use super::command::HookCommand;

/// Returns the text of `plugin` that asks as `command` does.
pub(in crate::cli) fn text(plugin: &Plugin, command: &HookCommand) -> String {
    let arguments: Vec<_> = command
        .arguments()
        .into_iter()
        .map(|word| Value::from(word).to_string())
        .collect();
    let program = Value::from(command.program.as_str()).to_string();
    let filled = plugin.text.replacen(plugin.program, &program, 1);
    filled.replacen(plugin.arguments, &format!("[{}]", arguments.join(", ")), 1)
}

/// Returns how the plugin with this `text` asks, `None` when that cannot be told, as of one from before it could be
/// chosen.
pub(in crate::cli) fn command(text: &str) -> Option<HookCommand> {
    let constant = |name: &str| -> Option<Value> {
        let start = format!("const {name} = ");
        let value = text.lines().find_map(|line| line.strip_prefix(&start))?;
        serde_json::from_str(value.trim_end().strip_suffix(';')?).ok()
    };
    let program = constant("PROGRAM")?.as_str()?.to_owned();
    let arguments: Vec<String> = serde_json::from_value(constant("ARGUMENTS")?).ok()?;
    let mut arguments = arguments.into_iter();
    arguments.next().filter(|first| first == "hook")?;
    HookCommand::of_words(program, arguments.collect())
}

#[cfg(test)]
mod tests {
    use super::super::clients::Client;
    use super::*;

    #[test]
    fn what_it_asks_is_read_from_what_was_written() {
        let plugin = Client::Opencode.facts().plugin.as_ref().unwrap();
        let of = |words: &[&str]| {
            let words = words.iter().map(|word| (*word).to_owned()).collect();
            HookCommand::of_words("/my \"own\"/callboard".to_owned(), words).unwrap()
        };
        for words in [
            &["opencode"][..],
            &[
                "opencode",
                "--socket",
                "/a\\b",
                "--namespace",
                "n",
                "--enforce",
                "open",
                "--no-auto-lock",
                "--loud",
            ],
        ] {
            let text = text(plugin, &of(words));
            assert_eq!(command(&text), Some(of(words)), "{text}");
        }
        assert_eq!(
            command(&plugin.text.replace("const ARGUMENTS", "const WORDS")),
            None
        );
    }
}
