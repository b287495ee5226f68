//! A server in configurations as people and Codex write them: found, changed alone, and taken back byte for byte.

use proptest::prelude::*;

use super::*;

fn lines() -> Vec<String> {
    vec![
        "command = \"callboard\"".to_owned(),
        "args = [\"bridge\"]".to_owned(),
    ]
}

fn added(text: Option<&str>) -> String {
    add(text, "callboard", &lines()).unwrap()
}

const BLOCK: &str = "[mcp_servers.callboard]\ncommand = \"callboard\"\nargs = [\"bridge\"]";

#[test]
fn a_server_stands_behind_everything_else() {
    for (before, after) in [
        (None, "BLOCK\n"),
        (Some(""), "BLOCK"),
        (Some("\n"), "\n\nBLOCK\n"),
        (Some("model = \"x\" # mine\n"), "model = \"x\" # mine\n\nBLOCK\n"),
        (Some("model = \"x\""), "model = \"x\"\n\nBLOCK"),
        (
            Some("[mcp_servers.a]\nargs = [\n]\n\n# end\n"),
            "[mcp_servers.a]\nargs = [\n]\n\n# end\n\nBLOCK\n",
        ),
        (
            Some("mcp_servers.a.command = 'a'\n"),
            "mcp_servers.a.command = 'a'\n\nBLOCK\n",
        ),
    ] {
        let text = added(before);
        assert_eq!(text, after.replace("BLOCK", BLOCK));
        assert_eq!(server(&text, "callboard").unwrap().unwrap().arguments, ["bridge"]);
        assert_eq!(remove(&text, "callboard").unwrap().as_deref(), before);
    }
    let text = added(Some("a = 1\r\n"));
    assert!(
        text.ends_with(
            "\r\n\r\n[mcp_servers.callboard]\r\ncommand = \"callboard\"\r\nargs = [\"bridge\"]\r\n"
        )
    );
    assert_eq!(remove(&text, "callboard").unwrap().unwrap(), "a = 1\r\n");
}

#[test]
fn servers_in_one_line_get_one_more() {
    for (before, after) in [
        (
            "mcp_servers = { a = { command = 'a' } } # b\n",
            "mcp_servers = { a = { command = 'a' }, ENTRY } # b\n",
        ),
        ("mcp_servers = {}\n", "mcp_servers = {ENTRY}\n"),
        ("mcp_servers = { }", "mcp_servers = { ENTRY }"),
    ] {
        let text = added(Some(before));
        let entry = "callboard = { command = \"callboard\", args = [\"bridge\"] }";
        assert_eq!(text, after.replace("ENTRY", entry));
        assert_eq!(remove(&text, "callboard").unwrap().unwrap(), before);
    }
}

#[test]
fn what_codex_adds_later_stays() {
    let ours = added(Some("model = \"x\"\n"));
    let later = format!(
        "{ours}tool_timeout_sec = 5 # slow\n\n[mcp_servers.callboard.env]\nA = \"1\"\n\n[projects.\"/a\"]\ntrust_level = \"trusted\"\n"
    );
    assert_eq!(
        remove(&later, "callboard").unwrap().unwrap(),
        "model = \"x\"\n\n[projects.\"/a\"]\ntrust_level = \"trusted\"\n"
    );
}

#[test]
fn values_are_replaced_alone() {
    let text = "[mcp_servers.callboard]\nargs = ['bridge'] # old\ncommand = 'gone'\nenv = { A = '1' }\n";
    let values = [("command", "\"new\"".to_owned()), ("args", "[]".to_owned())];
    assert_eq!(
        replace(text, "callboard", &values).unwrap(),
        "[mcp_servers.callboard]\nargs = [] # old\ncommand = \"new\"\nenv = { A = '1' }\n"
    );
}

#[test]
fn what_is_broken_is_named_with_its_line() {
    for (text, line) in [
        ("a = 1\nb = \n", 2),
        ("a = 1\n\n[mcp_servers\n", 3),
        ("x = 1\nmcp_servers = 3\n", 2),
        ("a = 1\na = 2\n", 2),
    ] {
        let error = add(Some(text), "callboard", &lines()).unwrap_err();
        assert_eq!(error.line, line, "{text}: {error}");
    }
    let dotted = "[mcp_servers]\ncallboard.command = 'x'\n";
    assert!(
        remove(dotted, "callboard")
            .unwrap_err()
            .problem
            .contains("by hand")
    );
}

/// Returns documents of any form, whose tables are apart from each other.
fn document() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("1"),
        Just("'# no comment'"),
        Just("\"\"\"\n[no.table]\n\"\"\""),
        Just("[ # list\n  1,\n]"),
        Just("{ x = 1 }"),
    ];
    let ending = prop_oneof![4 => Just("\n"), 1 => Just(" # why\n"), 1 => Just("\n\n"), 1 => Just("\n# c\n"), 1 => Just("\r\n")];
    let pair = (value, ending);
    let header = prop_oneof![
        Just("[t{}]"),
        Just("[mcp_servers.s{}]"),
        Just(" [mcp_servers.s{}.env] # e"),
        Just("[[list]]")
    ];
    let table = (header, prop::collection::vec(pair.clone(), 0..3));
    let lines = |pairs: Vec<(&str, &str)>| -> Vec<String> {
        let numbered = pairs.iter().enumerate();
        numbered
            .map(|(at, (value, ending))| format!("k{at} = {value}{ending}"))
            .collect()
    };
    let pairs = prop::collection::vec(pair, 0..3);
    let tables = prop::collection::vec(table, 0..4);
    (pairs, tables, any::<bool>()).prop_map(move |(pairs, tables, ended)| {
        let mut parts = lines(pairs);
        for (at, (header, pairs)) in tables.into_iter().enumerate() {
            parts.push(header.replace("{}", &at.to_string()));
            parts.push("\n".to_owned());
            parts.extend(lines(pairs));
        }
        let text = parts.concat();
        if ended { text } else { text.trim_end().to_owned() }
    })
}

proptest! {
    #[test]
    fn whatever_is_added_can_be_taken_back(before in document()) {
        let text = added(Some(&before));
        prop_assert!(server(&text, "callboard").unwrap().is_some());
        let removed = remove(&text, "callboard").unwrap();
        prop_assert_eq!(removed.as_deref(), Some(before.as_str()), "through {}", text);
    }
}
