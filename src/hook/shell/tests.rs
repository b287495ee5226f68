//! What a command line can do to the files in a worktree, as far as it can be read.

use super::*;

/// Returns what `command` reaches in a worktree that has `src/a.rs` and `b.rs`, relative to its top where it is there.
fn reached(command: &str) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let top = dir.path().canonicalize().unwrap();
    std::fs::create_dir_all(top.join("src")).unwrap();
    std::fs::create_dir(top.join(".git")).unwrap();
    for file in ["src/a.rs", "b.rs"] {
        std::fs::write(top.join(file), "").unwrap();
    }
    let inside = |path: &String| {
        let path = Path::new(path);
        let inner = path.strip_prefix(&top).unwrap_or(path).to_str().unwrap();
        if inner.is_empty() {
            "TOP".to_owned()
        } else {
            inner.to_owned()
        }
    };
    overwrites(command, Some(&top)).iter().map(inside).collect()
}

#[test]
fn what_overwrites_any_file_reaches_the_worktree() {
    for command in [
        "git reset --hard",
        "git reset --hard HEAD~1",
        "git stash",
        "git stash -u -m 'a b'",
        "git stash -um wip",
        "git stash push -um wip",
        "git stash push -mwip",
        "git stash pop",
        "git checkout main",
        "git checkout src",
        "git checkout -f",
        "git checkout -b new main",
        "git checkout -fB new HEAD~1",
        "git switch -fC new main",
        "git switch main",
        "git switch -",
        "git checkout -- '*.rs'",
        "git restore :/",
        "git restore --pathspec-from-file=list",
        "cd src && git reset --hard",
        "git -C src stash",
        "FOO=1 sudo git reset --hard",
        "npm test; /usr/bin/git stash",
        "echo $(git stash)",
        "git --no-pager -c a.b=c reset --merge",
        "git rebase main",
        "git rebase --abort",
        "git pull --rebase",
        "git pull -r origin main",
        "git merge --abort",
        "git merge --autostash main",
        "git cherry-pick --skip",
        "git -C $(git rev-parse --show-toplevel) stash",
        "git checkout -- $(git diff --name-only)",
        "echo `git stash`",
        "echo \"`git stash`\"",
        "if false; then :; elif git stash; then :; fi",
        "git checkout -- src/{a,b}.rs",
        "git restore {src/a,b}.rs",
        "git checkout -- v{1..3}",
        "find . -name '*.rs' -exec git checkout -- {} +",
        "timeout 60 git pull --rebase",
        "nice git stash",
        "nice -n 5 git stash",
        "sudo -u root /usr/bin/git stash",
        "env -i A=b git stash",
        "time -p git stash",
        "command git stash",
        "if nohup git stash; then :; fi",
        "bash -c \"git stash\"",
        "sudo sh -lc 'cd src; git stash' name",
        "bash -o pipefail -ec \"bash -c 'git stash'\"",
        "eval git stash",
        "eval 'cd - && git' clean -f",
        "git ls-files -m | xargs git checkout --",
        "xargs -0 git checkout main --",
        "ls | xargs -n 1 git checkout",
        "xargs sh -c 'git checkout -- \"$@\"' name",
        "eval eval eval eval eval eval eval eval eval eval git status",
        "cat > n <<'EOF'\nit's\nEOF\ngit stash",
        "cat <<< \"it's\"; git stash",
        "(cd /tmp && true); git stash",
        "cd src && cd - && git checkout -- src/a.rs",
        "cd \"$(git rev-parse --show-toplevel)\" && git checkout -- src/a.rs",
        "pushd src > /dev/null; popd; git checkout -- src/a.rs",
        "cd /nowhere && cd src/.. && cd && git checkout -- src/a.rs",
    ] {
        assert_eq!(reached(command), ["TOP"], "{command}");
    }
}

#[test]
fn paths_reach_no_further() {
    for (command, expected) in [
        ("git checkout -- src/a.rs", vec!["src/a.rs"]),
        ("git checkout src/a.rs b.rs", vec!["src/a.rs", "b.rs"]),
        ("git checkout HEAD~1 gone.rs", vec!["gone.rs"]),
        ("git checkout main -- src", vec!["src"]),
        ("git checkout .", vec!["TOP"]),
        ("git checkout b.rs", vec!["b.rs"]),
        ("git checkout src/", vec!["src"]),
        ("git checkout -- src", vec!["src"]),
        ("git restore b.rs", vec!["b.rs"]),
        ("git restore -s HEAD~2 b.rs", vec!["b.rs"]),
        ("git restore --staged --worktree b.rs", vec!["b.rs"]),
        ("git stash push -m x -- b.rs", vec!["b.rs"]),
        ("git clean -fd src", vec!["src"]),
        ("git clean -fdx", vec!["TOP"]),
        ("git clean -fde node src", vec!["src"]),
        ("git clean -fenode src", vec!["src"]),
        ("git restore -Ws HEAD b.rs", vec!["b.rs"]),
        ("git checkout --conflict diff3 b.rs", vec!["b.rs"]),
        ("cd src && git clean -f", vec!["src"]),
        ("cd src && git checkout -- a.rs > log", vec!["src/a.rs"]),
        (
            "git checkout $(git merge-base HEAD HEAD) -- src/a.rs",
            vec!["src/a.rs"],
        ),
        ("(cd src && ls) && git checkout -- .", vec!["TOP"]),
        (
            "cd /nowhere && git checkout -- src/a.rs",
            vec!["/nowhere/src/a.rs"],
        ),
        ("git checkout HEAD@{1} b.rs", vec!["b.rs"]),
        ("bash -c 'cd src' && git checkout -- b.rs", vec!["b.rs"]),
        ("eval cd src && git checkout -- a.rs", vec!["src/a.rs"]),
        (
            "builtin cd src && timeout 5 git checkout -- a.rs",
            vec!["src/a.rs"],
        ),
        ("x=$(cd src; pwd); git checkout -- b.rs", vec!["b.rs"]),
        ("cd src/.. && git checkout -- b.rs", vec!["b.rs"]),
        (
            "cd - && cd src; git checkout -- a.rs; cd $PWD/src; git clean -f",
            vec!["TOP", "TOP"],
        ),
    ] {
        let reached: Vec<_> = reached(command)
            .iter()
            .map(|path| path.trim_end_matches("/.").to_owned())
            .collect();
        assert_eq!(reached, expected, "{command}");
    }
}

#[test]
fn what_leaves_files_alone_reaches_nothing() {
    for command in [
        "git status",
        "git reset",
        "git reset HEAD src/a.rs",
        "git reset --soft HEAD~1",
        "git checkout -b new",
        "git switch -c new",
        "git checkout",
        "git restore --staged b.rs",
        "git stash list",
        "git stash show -p",
        "git clean -nd",
        "git log -- src/a.rs",
        "git merge main",
        "git pull",
        "git pull -Xours",
        "git pull --rebase=false",
        "git cherry-pick abc",
        "git rebase --continue",
        "echo 'git reset --hard'",
        "grep git stash",
        "# git stash",
        "",
        "command -v git && xargs git add",
        "timeout 5 cargo test",
        "bash run.sh",
        "ls | xargs -n 1 git stash drop",
        "cat > run.sh <<EOF\ngit stash\nEOF",
        "git commit -m \"$(cat <<'EOF'\nit's (so)\n\ngit stash is denied\ngit stash\nEOF\n)\"",
    ] {
        assert_eq!(reached(command), [""; 0], "{command}");
    }
}

#[test]
fn a_place_where_nobody_can_go_is_unknown() {
    let command = "cd src;".repeat(2_000) + "git checkout -- b.rs";
    assert_eq!(reached(&command), ["TOP"]);
}
