//! Additions to documents as people write them, and to any document: what is added is found, nothing else
//! changes, and taking it back gives every byte.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const ENTRY: &str = r#"{ "command": "callboard", "args": ["bridge"] }"#;

fn server(text: Option<&str>) -> String {
    add(text, &["servers"], Item::Member("callboard", ENTRY)).unwrap()
}

fn without_server(text: &str) -> Option<String> {
    remove(
        text,
        &[Step::Name("servers".into()), Step::Name("callboard".into())],
    )
    .unwrap()
}

#[test]
fn a_new_file_is_whole_and_goes_again() {
    let text = server(None);
    assert_eq!(
        text,
        "{\n  \"servers\": {\n    \"callboard\": { \"command\": \"callboard\", \"args\": [\"bridge\"] }\n  }\n}\n"
    );
    assert_eq!(without_server(&text), None);
}

#[test]
fn an_entry_is_written_as_its_neighbours_are() {
    for (before, after) in [
        (
            "{\n\t\"servers\": {\n\t\t\"a\": {}\n\t}\n}\n",
            "{\n\t\"servers\": {\n\t\t\"a\": {},\n\t\t\"callboard\": ENTRY\n\t}\n}\n",
        ),
        (
            "{\r\n    \"servers\": {\r\n        \"a\": {}, // one\r\n    }, // all\r\n}",
            "{\r\n    \"servers\": {\r\n        \"a\": {}, // one\r\n        \"callboard\": ENTRY,\r\n    }, // all\r\n}",
        ),
        (
            "{ // first\n  \"x\": 1 // last\n  // the end\n}",
            "{ // first\n  \"x\": 1, // last\n  \"servers\": {\n    \"callboard\": ENTRY\n  }\n  // the end\n}",
        ),
        (
            r#"{"servers":{"a":{}}}"#,
            r#"{"servers":{"a":{}, "callboard": ENTRY}}"#,
        ),
        (r#"{"servers": {}}"#, r#"{"servers": {"callboard": ENTRY}}"#),
        (r#"{"servers": { }}"#, r#"{"servers": { "callboard": ENTRY }}"#),
        (
            "{\"servers\": { // none\n}}",
            "{\"servers\": {\"callboard\": ENTRY // none\n}}",
        ),
    ] {
        let added = server(Some(before));
        assert_eq!(added, after.replace("ENTRY", ENTRY), "from {before}");
        assert_eq!(without_server(&added).as_deref(), Some(before));
    }
}

#[test]
fn texts_without_a_document_are_given_back() {
    for before in [
        "",
        "\n",
        " ",
        "// none yet",
        "// none yet\n",
        "\u{feff}",
        "\u{feff}\r\n",
        "/* // */",
    ] {
        let added = server(Some(before));
        assert_eq!(
            read(&added).unwrap()["servers"]["callboard"]["command"],
            "callboard"
        );
        assert_eq!(without_server(&added).as_deref(), Some(before), "{added:?}");
    }
}

#[test]
fn what_is_not_ours_outlives_a_change_by_others() {
    let ours = server(Some("{\n  \"servers\": {\n    \"a\": 1\n  }\n}\n"));
    let extended = ours.replace(" }\n  }", " },\n    \"z\": 2\n  }");
    assert_eq!(
        without_server(&extended).unwrap(),
        "{\n  \"servers\": {\n    \"a\": 1,\n    \"z\": 2\n  }\n}\n"
    );
}

#[test]
fn lists_are_extended_and_made() {
    let hook = |text: Option<&str>| add(text, &["hooks", "Stop"], Item::Element("{ \"x\": 1 }")).unwrap();
    let path = [
        Step::Name("hooks".into()),
        Step::Name("Stop".into()),
        Step::Index(0),
    ];
    let text = hook(None);
    assert_eq!(read(&text).unwrap(), json!({ "hooks": { "Stop": [{ "x": 1 }] } }));
    assert_eq!(remove(&text, &path), Ok(None));
    let text = hook(Some("{\"hooks\": {\"Stop\": []}}"));
    assert_eq!(text, "{\"hooks\": {\"Stop\": [{ \"x\": 1 }]}}");
    assert_eq!(
        remove(&text, &path).unwrap().unwrap(),
        "{\"hooks\": {\"Stop\": []}}"
    );
}

#[test]
fn a_value_is_replaced_alone() {
    let text = "{ // c\n  \"a\": [1, 2], /* d */ \"b\": 3 }";
    let path = [Step::Name("a".into()), Step::Index(1)];
    assert_eq!(
        replace(text, &path, "\"two\"").unwrap(),
        "{ // c\n  \"a\": [1, \"two\"], /* d */ \"b\": 3 }"
    );
}

#[test]
fn what_is_broken_is_named_with_its_line() {
    for (text, line, problem) in [
        ("{\n  \"a\": 1\n  \"b\": 2\n}", 2, "comma"),
        ("{\n  \"servers\": {\n", 2, "Unterminated object"),
        ("{\n  \"servers\": [\n  ]\n}", 2, "servers is not an object"),
        ("[]", 1, "the whole is not an object"),
        ("{ 'a': 1 }", 1, ""),
        ("{} {}", 1, "more than one"),
    ] {
        let error = add(Some(text), &["servers"], Item::Member("callboard", ENTRY)).unwrap_err();
        assert!(error.problem.contains(problem), "{text}: {error}");
        assert_eq!(error.line, line, "{text}: {error}");
    }
}

/// Returns blanks and comments as they may stand between any two tokens.
fn trivia() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => Just(String::new()),
        3 => Just(" ".to_owned()),
        3 => "\n {0,4}",
        1 => Just("\r\n\t".to_owned()),
        1 => Just(" // see \"a\", {b} \n".to_owned()),
        1 => Just(" /* x, \n } */ ".to_owned()),
    ]
}

/// Returns documents of any form, with members that setup looks for here and there.
fn document() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("1".to_owned()),
        Just("\"a, {b\\\"} // c\"".to_owned()),
        Just("null".to_owned())
    ];
    let value = leaf.prop_recursive(3, 24, 4, |inner| {
        let list = |inner: BoxedStrategy<String>| {
            let item = (trivia(), inner, trivia()).prop_map(|(a, item, b)| format!("{a}{item}{b}"));
            (prop::collection::vec(item, 0..4), any::<bool>(), trivia()).prop_map(
                |(items, trailing, held)| {
                    let comma = if trailing && !items.is_empty() { "," } else { "" };
                    format!("{}{comma}{held}", items.join(","))
                },
            )
        };
        let name = prop_oneof![Just("servers"), Just("hooks"), Just("Stop"), Just("other")];
        let member = (name, trivia(), trivia(), inner.clone())
            .prop_map(|(name, a, b, value)| format!("\"{name}\"{a}:{b}{value}"));
        prop_oneof![
            list(inner.boxed()).prop_map(|items| format!("[{items}]")),
            list(member.boxed()).prop_map(|members| format!("{{{members}}}")),
        ]
    });
    (trivia(), value, trivia()).prop_map(|(a, value, b)| format!("{a}{value}{b}"))
}

proptest! {
    #[test]
    fn whatever_is_added_can_be_taken_back(text in document(), deep in any::<bool>()) {
        let element = Item::Element("{ \"x\": [1] }");
        let (path, item): (&[&str], _) = if deep {
            (&["hooks", "Stop"], element)
        } else {
            (&["servers"], Item::Member("callboard", ENTRY))
        };
        let Ok(added) = add(Some(&text), path, item) else {
            return Ok(());
        };
        let value = read(&added).unwrap();
        let steps: Vec<_> = path.iter().map(|name| Step::Name((*name).to_owned())).collect();
        let last = if deep {
            Step::Index(value["hooks"]["Stop"].as_array().unwrap().len() - 1)
        } else {
            prop_assert_eq!(&value["servers"]["callboard"]["command"], "callboard");
            Step::Name("callboard".to_owned())
        };
        let removed = remove(&added, &[steps, vec![last]].concat()).unwrap();
        prop_assert_eq!(removed.as_deref(), Some(text.as_str()), "through {}", added);
    }
}
