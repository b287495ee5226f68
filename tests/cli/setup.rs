//! `callboard setup` on configurations as people have them: what it adds, what it leaves alone, and that taking it out
//! gives back every byte.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::program::{Home, Ran, run, with};
use crate::support::pty::Pty;
use callboard::cli::exit;
use portable_pty::CommandBuilder;
use serde_json::Value;

/// A user with a project, some clients, and callboard on the `PATH`.
struct User {
    home: Home,
}

impl User {
    fn new(clients: &[&str]) -> Self {
        let user = Self { home: Home::new() };
        fs::create_dir_all(user.project().join(".git")).unwrap();
        fs::create_dir_all(user.project().join("src")).unwrap();
        fs::create_dir(user.bin()).unwrap();
        symlink(env!("CARGO_BIN_EXE_callboard"), user.bin().join("callboard")).unwrap();
        for client in clients {
            let program = user.bin().join(client);
            fs::write(&program, "#!/bin/sh\n").unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        }
        user
    }

    fn project(&self) -> PathBuf {
        self.home.path().canonicalize().unwrap().join("project")
    }

    fn bin(&self) -> PathBuf {
        self.home.path().join("bin")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.home.command(&[&["setup"], arguments].concat());
        // From below the top, as people do.
        command
            .env("PATH", self.bin())
            .current_dir(self.project().join("src"));
        command
    }

    fn setup(&self, arguments: &[&str]) -> Ran {
        run(self.command(arguments), b"")
    }

    /// Runs it and returns what it printed; remarks are allowed.
    fn done(&self, arguments: &[&str]) -> String {
        let ran = self.setup(arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {ran:?}");
        ran.stdout
    }

    fn in_terminal(&self, arguments: &[&str]) -> Pty {
        let mut command: CommandBuilder = self.home.in_terminal(&[&["setup"], arguments].concat());
        command.env("PATH", self.bin());
        command.cwd(self.project());
        Pty::start(command, 60, 120)
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.project().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }
}

/// Returns every file below `path` with its content.
fn files(path: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    let mut open = vec![path.to_owned()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            all.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    all.sort();
    all
}

const CLIENTS: [&str; 6] = ["claude", "codex", "gemini", "opencode", "cursor", "vscode"];

/// Configurations as people have them, in the project: file, text, client.
const CONFIGURATIONS: &[(&str, &str, &str)] = &[
    (
        "claude",
        ".mcp.json",
        "{\n    \"mcpServers\": {\n        \"github\": {\"type\": \"http\",   \"url\": \"https://x/mcp\"},\n        \"db\":\n        { \"command\": \"npx\", \"args\": [ \"-y\", \"db\" ] }\n    },\n    \"other\": null\n}",
    ),
    (
        "claude",
        ".claude/settings.json",
        "{\n  \"permissions\": { \"allow\": [\"Bash(ls:*)\"] },\n  \"hooks\": {\n    \"PreToolUse\": [\n      {\n        \"matcher\": \"Bash\",\n        \"hooks\": [ { \"type\": \"command\", \"command\": \"./lint hook claude\" } ]\n      }\n    ],\n    \"Stop\": []\n  },\n  \"model\": \"opus\"\n}\n",
    ),
    (
        "codex",
        ".codex/config.toml",
        "# mine\nmodel = \"gpt\"   # the big one\r\napproval_policy='never'\n\n[mcp_servers.docs]\ncommand = \"docs\"\nargs = [\n  \"--stdio\", # yes\n]\n\n\n[profiles.\"a b\"]\nmodel = 'x'\n# the end",
    ),
    (
        "codex",
        ".codex/hooks.json",
        "{\"hooks\":{\"PreToolUse\":[{\"matcher\":\"Bash\",\"hooks\":[{\"type\":\"command\",\"command\":\"guard\"}]}]}}",
    ),
    (
        "gemini",
        ".gemini/settings.json",
        "{\r\n\t// Which look\r\n\t\"ui\": { \"theme\": \"GitHub\" },\r\n\t/* servers\r\n\t   of ours */\r\n\t\"mcpServers\": {\r\n\t\t\"a\": { \"command\": \"a\" } // first\r\n\t},\r\n}\r\n",
    ),
    (
        "opencode",
        "opencode.json",
        "{\n  \"$schema\": \"https://opencode.ai/config.json\",\n  // \"mcp\": {},\n  \"mcp\": {\n    // \"off\": {},\n    \"docs\": {\n      \"type\": \"remote\", \"url\": \"https://x\", // remote\n    }, // docs\n    // more to come\n  },\n  \"theme\": \"x\", // last\n}\n",
    ),
    ("cursor", ".cursor/mcp.json", "{\"mcpServers\": {}}\n"),
    (
        "vscode",
        ".vscode/mcp.json",
        "// for all\n{\n  \"inputs\": [],\n  \"servers\": { \"a\": {\"command\": \"é\"} }\n}\n// end",
    ),
];

#[test]
fn what_was_there_is_there_again_byte_for_byte() {
    for one_by_one in [false, true] {
        let user = User::new(&[]);
        for (_, name, text) in CONFIGURATIONS {
            user.put(name, text);
        }
        let before = files(&user.project());
        if one_by_one {
            for client in CLIENTS {
                user.done(&[client, "--yes"]);
            }
        } else {
            user.done(&[&CLIENTS[..], &["--yes"]].concat());
        }
        let set_up = files(&user.project());
        for (client, name, text) in CONFIGURATIONS {
            let now = fs::read_to_string(user.project().join(name)).unwrap();
            assert!(now.contains("callboard"), "{client}: {now}");
            for line in text
                .lines()
                .filter(|line| line.contains('#') || line.contains("//"))
            {
                assert!(
                    now.contains(line.trim_end_matches("} // first").trim()),
                    "{client} lost {line}: {now}"
                );
            }
        }
        let again = user.done(&[&CLIENTS[..], &["--yes"]].concat());
        assert_eq!(again.matches("already set up").count(), CLIENTS.len(), "{again}");
        assert!(files(&user.project()) == set_up, "a second time changes nothing");

        user.done(&["--remove", "--yes"]);
        for ((name, before), (after_name, after)) in before.iter().zip(files(&user.project())) {
            assert_eq!(*name, after_name);
            assert_eq!(
                String::from_utf8_lossy(before),
                String::from_utf8_lossy(&after),
                "{}",
                name.display()
            );
        }
        assert_eq!(before.len(), files(&user.project()).len());
    }
}

#[test]
fn files_and_directories_that_were_not_there_go_again() {
    let user = User::new(&[]);
    user.done(&[&CLIENTS[..], &["--yes"]].concat());
    let names = [
        ".mcp.json",
        ".claude/settings.json",
        ".codex/config.toml",
        ".codex/hooks.json",
        ".gemini/settings.json",
        "opencode.json",
        ".opencode/plugins/callboard.js",
        ".cursor/mcp.json",
        ".vscode/mcp.json",
    ];
    assert_eq!(files(&user.project()).len(), names.len());
    for name in names {
        let text = fs::read_to_string(user.project().join(name)).unwrap();
        if name.contains("plugins") {
            assert_eq!(text, include_str!("../../assets/opencode/callboard.js"));
            continue;
        }
        insta::assert_snapshot!(name.trim_start_matches('.').replace(['/', '.'], "_"), text);
    }
    user.done(&["--remove", "--yes"]);
    let mut left: Vec<_> = fs::read_dir(user.project())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, [".git", "src"]);
}

#[test]
fn empty_files_stay_and_the_last_line_ends_as_it_did() {
    for text in ["", "\n", "{}", "{ }\n", "{\n}\n", "\u{feff}{\"a\": 1}"] {
        let user = User::new(&[]);
        for (_, name, _) in CONFIGURATIONS {
            let toml = name.ends_with("toml");
            user.put(
                name,
                if toml {
                    text.trim_matches(['{', '}', '\u{feff}', ' '])
                } else {
                    text
                },
            );
        }
        user.put(".codex/config.toml", "");
        let before = files(&user.project());
        user.done(&[&CLIENTS[..], &["--yes"]].concat());
        user.done(&["--remove", "--yes"]);
        assert!(
            files(&user.project()) == before,
            "from {text:?}: {:#?}",
            files(&user.project())
        );
    }
}

#[test]
fn the_users_own_files_are_written_when_asked() {
    let user = User::new(&[]);
    let path = user.home.path().join(".claude.json");
    fs::write(
        &path,
        "{\n  \"numStartups\": 3,\n  \"mcpServers\": {},\n  \"projects\": {}\n}",
    )
    .unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    user.done(&[
        "claude", "codex", "gemini", "opencode", "cursor", "--user", "--yes",
    ]);
    assert_eq!(files(&user.project()), []);
    let value: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(value["mcpServers"]["callboard"]["command"], "callboard");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    for name in [
        ".codex/config.toml",
        ".gemini/settings.json",
        ".config/opencode/opencode.json",
        ".cursor/mcp.json",
    ] {
        assert!(user.home.path().join(name).is_file(), "{name}");
    }
    let refused = user.setup(&["vscode", "--user", "--yes"]);
    assert_eq!(refused.code, Some(i32::from(exit::FAILURE)));
    assert!(
        refused.stderr.contains("hint: run: code --add-mcp"),
        "{refused:?}"
    );
    user.done(&["--remove", "--user", "--yes"]);
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(
        text,
        "{\n  \"numStartups\": 3,\n  \"mcpServers\": {},\n  \"projects\": {}\n}"
    );
    assert!(!user.home.path().join(".cursor/mcp.json").exists());
}

#[test]
fn what_is_broken_is_named_with_its_line_and_left_alone() {
    for (client, name, text, line) in [
        ("claude", ".mcp.json", "{\n  \"mcpServers\": {\n", 2),
        ("claude", ".mcp.json", "{\n  \"mcpServers\": []\n}", 2),
        ("claude", ".claude/settings.json", "{\n\n  \"hooks\": 1,\n}", 3),
        (
            "claude",
            ".claude/settings.json",
            "{\n  \"hooks\": {\n  \"Stop\": {} }}",
            3,
        ),
        ("codex", ".codex/config.toml", "a = 1\n[mcp_servers\n", 2),
        ("codex", ".codex/hooks.json", "[", 1),
        ("gemini", ".gemini/settings.json", "{ 'a': 1 }", 1),
        ("opencode", "opencode.json", "{\n  \"mcp\": {},\n}}\n", 3),
        ("cursor", ".cursor/mcp.json", "nonsense", 1),
        ("vscode", ".vscode/mcp.json", "{}\n{}", 2),
    ] {
        let user = User::new(&[]);
        let path = user.put(name, text);
        let before = files(&user.project());
        for remove in [false, true] {
            let mut line_of_it = vec![client, "--yes"];
            line_of_it.extend(remove.then_some("--remove"));
            let ran = user.setup(&line_of_it);
            // What can be read but has another shape holds nothing that could be taken out.
            let readable = text.contains("[]") || text.contains("hooks");
            if remove && readable {
                assert_eq!(ran.code, Some(0), "{ran:?}");
            } else {
                assert_eq!(ran.code, Some(i32::from(exit::FAILURE)), "{name} {text}: {ran:?}");
                let place = format!("error: {}:{line}: ", path.display());
                assert!(ran.stderr.starts_with(&place), "{place}: {}", ran.stderr);
                assert!(
                    ran.stderr.contains("hint: nothing was changed; repair"),
                    "{}",
                    ran.stderr
                );
            }
            assert!(files(&user.project()) == before, "{name} {text}");
        }
    }
}

#[test]
fn one_broken_client_does_not_keep_the_others_out() {
    let user = User::new(&["claude", "cursor"]);
    user.put(".mcp.json", "{");
    let ran = user.setup(&["--yes"]);
    assert_eq!(ran.code, Some(i32::from(exit::FAILURE)));
    assert!(ran.stdout.contains("Cursor: set up"), "{ran:?}");
    assert!(ran.stderr.contains("error: Claude Code: /"), "{ran:?}");
    assert!(
        ran.stderr
            .contains("error: 1 of 2 clients were left as they were"),
        "{ran:?}"
    );
}

#[test]
fn clients_are_found_by_their_program_or_their_directory() {
    let user = User::new(&["gemini"]);
    fs::create_dir(user.home.path().join(".codex")).unwrap();
    assert!(user.setup(&[]).stderr.contains("there is no terminal to ask on"));
    let shown = user.done(&["--dry-run"]);
    let names: Vec<_> = shown.lines().filter_map(|line| line.strip_prefix("# ")).collect();
    assert_eq!(names, ["Codex", "Gemini CLI"]);
    assert_eq!(files(&user.project()), []);
    let nobody = User::new(&[]).setup(&["--yes"]);
    assert_eq!(nobody.code, Some(i32::from(exit::FAILURE)));
    assert!(
        nobody.stderr.contains("hint: name the one that you want"),
        "{nobody:?}"
    );
}

#[test]
fn a_change_is_shown_and_nothing_is_written_unasked() {
    let user = User::new(&[]);
    let path = user.put(
        ".cursor/mcp.json",
        "{\n  \"mcpServers\": {\n    \"a\": {}\n  }\n}\n",
    );
    let before = files(&user.project());
    let shown = user.done(&["cursor", "--dry-run"]);
    insta::assert_snapshot!("diff", with(&shown, user.project(), "/project"));
    let unasked = user.setup(&["cursor"]);
    assert_eq!(unasked.code, Some(i32::from(exit::FAILURE)));
    assert_eq!(unasked.stdout, shown);
    assert!(unasked.stderr.contains("hint: add --yes"), "{unasked:?}");
    assert!(
        user.setup(&["cursor", "vscode"])
            .stderr
            .contains("there is no terminal")
    );
    assert!(files(&user.project()) == before);

    let rows = user.setup(&["cursor", "--dry-run", "--json"]).json();
    assert_eq!(rows[0]["file"], path.display().to_string());
}

#[test]
fn people_are_asked() {
    let user = User::new(&[]);
    let mut terminal = user.in_terminal(&["cursor"]);
    terminal.wait_for("Set up Cursor? [Y/n]");
    terminal.send("n\r");
    terminal.wait_for("Cursor: left as it was");
    assert!(terminal.wait_end().success());
    assert_eq!(files(&user.project()), []);

    let mut terminal = user.in_terminal(&["cursor"]);
    terminal.wait_for("Set up Cursor? [Y/n]");
    terminal.send("\r");
    terminal.wait_for("Cursor: set up");
    assert!(terminal.wait_end().success());
    assert_eq!(files(&user.project()).len(), 1);
}

#[test]
fn links_are_kept_inside_and_refused_outside() {
    let user = User::new(&[]);
    let real = user.put("config/real.json", "{}\n");
    symlink("config/real.json", user.project().join(".mcp.json")).unwrap();
    user.done(&["claude", "--no-hooks", "--yes"]);
    assert!(user.project().join(".mcp.json").is_symlink());
    assert!(fs::read_to_string(&real).unwrap().contains("callboard"));
    user.done(&["claude", "--no-hooks", "--yes", "--remove"]);
    assert_eq!(fs::read_to_string(&real).unwrap(), "{}\n");

    // A project that somebody else wrote aims at the user's own settings.
    let own = user.home.path().join("settings.json");
    fs::write(&own, "{}").unwrap();
    fs::create_dir(user.project().join(".claude")).unwrap();
    symlink(
        "../../settings.json",
        user.project().join(".claude/settings.json"),
    )
    .unwrap();
    let refused = user.setup(&["claude", "--yes"]);
    assert_eq!(refused.code, Some(i32::from(exit::FAILURE)));
    assert!(refused.stderr.contains("which is not below"), "{refused:?}");
    assert_eq!(fs::read_to_string(&own).unwrap(), "{}");
    assert_eq!(
        fs::read_to_string(&real).unwrap(),
        "{}\n",
        "all or nothing of a client"
    );
}

#[test]
fn what_is_called_callboard_but_is_not_ours_is_left_alone() {
    let user = User::new(&[]);
    let text = "{\"mcpServers\": {\"callboard\": {\"command\": \"node\", \"args\": [\"x.js\"]}}}";
    user.put(".cursor/mcp.json", text);
    user.put(".opencode/plugins/callboard.js", "// mine\n");
    let before = files(&user.project());
    for client in ["cursor", "opencode"] {
        let ran = user.setup(&[client, "--yes"]);
        assert_eq!(ran.code, Some(i32::from(exit::FAILURE)), "{ran:?}");
        assert!(
            ran.stderr.contains("something else called callboard already"),
            "{ran:?}"
        );
        user.done(&[client, "--yes", "--remove"]);
    }
    assert!(files(&user.project()) == before);
}

#[test]
fn an_entry_of_ours_keeps_what_people_added_and_gets_a_program_that_is_there() {
    let user = User::new(&[]);
    let entry = |program: &str, more: &str| {
        format!(
            "{{\"mcpServers\": {{\"callboard\": {{\"env\": {{\"A\": \"1\"}}, \"command\": \"{program}\", \"args\": [\"bridge\"{more}]}}}}}}"
        )
    };
    let path = user.put(".cursor/mcp.json", &entry("callboard", ", \"--agent\", \"me\""));
    assert!(user.done(&["cursor", "--yes"]).contains("already set up"));
    fs::write(&path, entry("/gone/callboard", "")).unwrap();
    user.done(&["cursor", "--yes"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), entry("callboard", ""));
    user.done(&["cursor", "--yes", "--namespace", "release"]);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(r#"["bridge","--namespace","release"]"#), "{text}");
}

#[test]
fn without_callboard_on_the_path_its_whole_path_is_written_and_said() {
    let user = User::new(&[]);
    fs::remove_file(user.bin().join("callboard")).unwrap();
    let ran = user.setup(&["claude", "opencode", "--yes"]);
    assert_eq!(ran.code, Some(0));
    let program = env!("CARGO_BIN_EXE_callboard");
    assert!(
        ran.stderr
            .contains(&format!("its whole path was written: {program}")),
        "{ran:?}"
    );
    for name in [
        ".mcp.json",
        ".claude/settings.json",
        "opencode.json",
        ".opencode/plugins/callboard.js",
    ] {
        let text = fs::read_to_string(user.project().join(name)).unwrap();
        assert!(text.contains(program), "{name}: {text}");
    }
    user.done(&["--remove", "--yes"]);
    assert_eq!(files(&user.project()), []);
}
