#!/usr/bin/env bash
# The newcomer's walk: what the README's section "Two agents in a minute" says, step by step, in a home and a project of
# its own. The minute counts from the installed program. The agents are two bridges that speak JSON-RPC, with the hooks
# that `callboard setup` has written, so that it needs no client and no model; tests/real_clients has real ones.
#
#     tests/newcomer.sh [path to callboard]
set -euo pipefail

cd "$(dirname "$0")/.."
run=$(mktemp -d /tmp/cb.XXXXXX)
started=()
end() {
    exec 3>&- 4<&- 5>&- 6<&-
    kill "${started[@]:-}" 2>/dev/null || true
    wait
    rm -rf "$run"
}
trap end EXIT

walk() { # what the README says, what that is without a screen and a person...
    printf '$ %s\n' "$1"
    shift
    "$@"
}
fail() { echo "FAILED: $*" >&2 && exit 1; }

mkdir -p "$run/bin" "$run/home" "$run/project/src"
if [ $# -gt 0 ]; then
    ln -s "$(realpath "$1")" "$run/bin/callboard"
else
    walk 'cargo install --path .' cargo install --quiet --locked --path . --root "$run"
fi
export PATH=$run/bin:$PATH HOME=$run/home XDG_RUNTIME_DIR=$run
unset "${!CALLBOARD_@}" CLAUDE_PID CLAUDE_PROJECT_DIR
cd "$run/project"
git init --quiet
echo one >src/f.rs
SECONDS=0

open_the_board() {
    callboard --no-tui 2>"$run/board.log" &
    started+=($!)
    for _ in $(seq 200); do ! callboard stats >/dev/null 2>&1 || return 0; done
    fail "the board does not answer: $(cat "$run/board.log")"
}
walk 'callboard setup claude' callboard setup claude --yes
walk 'callboard' open_the_board

# An agent is a process that has started a bridge. It is spoken to and heard through two numbered descriptors.
attach() { # name
    mkfifo "$run/$1.in" "$run/$1.out"
    bash -c 'callboard bridge; exit' <"$run/$1.in" >"$run/$1.out" &
    started+=($!)
}
tell() { printf '{"jsonrpc":"2.0","id":1,"method":"%s","params":%s}\n' "$2" "$3" >&"$1"; }
hear() {
    read -r -t 20 answer <&"$1" || fail "an agent hears nothing"
    printf '%s\n' "$answer"
}
hook() { # agent's process, event, tool
    local input='{"file_path":"src/f.rs"}'
    printf '{"hook_event_name":"%s","cwd":"%s","tool_name":"%s","tool_input":%s}' "$2" "$PWD" "${3:-}" "$input" |
        CLAUDE_PID=$1 callboard hook claude
}
hello() { printf '{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"%s","version":"1"}}' "$1"; }

attach alice && alice=$!
exec 3>"$run/alice.in" 4<"$run/alice.out"
attach bob && bob=$!
exec 5>"$run/bob.in" 6<"$run/bob.out"
tell 3 initialize "$(hello alice)" && hear 4 >/dev/null
tell 5 initialize "$(hello bob)" && hear 6 >/dev/null

[ -z "$(hook $alice PreToolUse Edit)" ] || fail "alice may not edit a free file"
walk "callboard ls 'lock:*'" callboard ls 'lock:*' | tee "$run/locks"
grep -q alice-1 "$run/locks" || fail "alice has no lock"
denied=$(hook $bob PreToolUse Edit)
grep -q '"deny".*src/f.rs is locked by alice-1' <<<"$denied" || fail "bob is not refused: $denied"
echo "bob reads: $denied"
tell 5 tools/call '{"name":"acquireLock","arguments":{"targets":["src/f.rs"],"waitMs":20000}}'
hook $alice Stop
locked=$(hear 6)
grep -q fence <<<"$locked" || fail "bob does not get the lock: $locked"
[ -z "$(hook $bob PreToolUse Edit)" ] || fail "bob may not edit what he has locked"
callboard ls 'lock:*' | grep bob-1 || fail "bob has no lock"

echo "two agents coordinate after $SECONDS s"
[ "$SECONDS" -le 60 ] || fail "that is more than a minute"
