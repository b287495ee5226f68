#!/usr/bin/env bash
# Lets real MCP clients connect through the real bridge: Claude Code, the Inspector of the TypeScript SDK and
# the Python SDK, at pinned versions. Opt-in, since it installs them: half a gigabyte, once, into a folder of
# its own. What cannot be installed is skipped by name; what connects wrongly fails the script.
#
#     tests/real_clients.sh [path to callboard]
set -u

cd "$(dirname "$0")/.." || exit 1
board=${1:-$PWD/target/release/callboard}
[ -x "$board" ] || { echo "build it first: cargo build --release (looked for $board)" >&2; exit 2; }
clients=${CALLBOARD_CLIENTS:-${XDG_CACHE_HOME:-$HOME/.cache}/callboard-clients}
run=$(mktemp -d)
mkdir -p "$clients" "$run/home" "$run/project"
export CALLBOARD_SOCKET="$run/s.sock" HOME="$run/home"
# Named on the command line, since some clients hand few variables on.
bridge=("$board" bridge --socket "$CALLBOARD_SOCKET")

passed=0 failed=0 skipped=0
check() { # name, text to find, command...
    local name=$1 text=$2 out
    shift 2
    out=$(cd "$run/project" && timeout 60 "$@" 2>&1 </dev/null)
    if grep -qF -- "$text" <<<"$out"; then
        passed=$((passed + 1)) && echo "ok      $name"
    else
        failed=$((failed + 1)) && printf 'FAILED  %s: no «%s» in\n%s\n' "$name" "$text" "$out"
    fi
}
skip() { skipped=$((skipped + 1)) && echo "skipped $1: $2"; }

"$board" --no-tui 2>"$run/board.log" &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; rm -rf "$run"' EXIT
for _ in $(seq 100); do [ -S "$CALLBOARD_SOCKET" ] && break || sleep 0.05; done
[ -S "$CALLBOARD_SOCKET" ] || { echo "the board did not start:" >&2; cat "$run/board.log" >&2; exit 1; }

if npm install --prefix "$clients" --no-fund --no-audit --silent \
    @anthropic-ai/claude-code@2.1.329 @modelcontextprotocol/inspector@2.12.0 >/dev/null 2>&1; then
    inspector=$clients/node_modules/.bin/mcp-inspector
    check "inspector lists the tools" '"setStorage"' \
        "$inspector" --cli "${bridge[@]}" --method tools/list
    check "inspector writes a key" '\"success\":true' \
        "$inspector" --cli "${bridge[@]}" --method tools/call --tool-name setStorage \
        --tool-arg key=task:inspector --tool-arg value=seen
    check "inspector reads it, modern era" 'seen' \
        "$inspector" --cli "${bridge[@]}" --protocol-era modern --method tools/call --tool-name getStorage \
        --tool-arg key=task:inspector
    claude=$(find "$clients/node_modules/@anthropic-ai" -path '*claude-code-*/claude' -type f | head -1)
    if [ -x "$claude" ]; then
        (cd "$run/project" && "$claude" mcp add callboard -- "${bridge[@]}" >/dev/null 2>&1)
        check "claude mcp list connects" '✔ Connected' "$claude" mcp list
    else
        skip "claude mcp list" "no binary of Claude Code for this platform"
    fi
else
    skip "inspector, claude" "npm could not install them"
fi

if { [ -x "$clients/venv/bin/python" ] || python3 -m venv "$clients/venv"; } >/dev/null 2>&1 &&
    "$clients/venv/bin/pip" install --quiet mcp==2.3.0 >/dev/null 2>&1; then
    cat >"$run/client.py" <<'PY'
import asyncio
import sys

from mcp import Client, ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

bridge = StdioServerParameters(command=sys.argv[1], args=["bridge"], env={"CALLBOARD_SOCKET": sys.argv[2]})


async def main():
    async with Client(bridge) as client:
        await client.call_tool("setStorage", {"key": "task:python", "value": "modern"})
    async with stdio_client(bridge) as (reader, writer), ClientSession(reader, writer) as session:
        await session.initialize()
        answer = await session.call_tool("getStorage", {"key": "task:python"})
        print("legacy read:", answer.content[0].text)


asyncio.run(main())
PY
    check "python: written in one era, read in the other" '"value":"modern"' \
        "$clients/venv/bin/python" "$run/client.py" "$board" "$CALLBOARD_SOCKET"
else
    skip "python" "pip could not install mcp"
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
