#!/usr/bin/env bash
# Installs real clients at pinned versions, and lets them work with callboard: `tests/real_clients` has Claude
# Code, Codex, Gemini CLI and opencode, and here are the Inspector of the TypeScript SDK and the Python SDK.
# Opt-in, since they take 1.4 GB, once, in a folder of their own. What cannot be installed is named and
# skipped; what goes wrong fails the script.
#
#     tests/real_clients.sh [install]
set -u

cd "$(dirname "$0")/.." || exit 1
clients=${CALLBOARD_CLIENTS:-${XDG_CACHE_HOME:-$HOME/.cache}/callboard-clients}
export CALLBOARD_CLIENTS=$clients
passed=0 failed=0 skipped=0
skip() { skipped=$((skipped + 1)) && echo "skipped $1: $2"; }

mkdir -p "$clients"
for package in @anthropic-ai/claude-code@2.1.329 @openai/codex@0.169.0 @google/gemini-cli@0.61.0 opencode-ai@1.18.33 \
    @modelcontextprotocol/inspector@2.12.0; do
    installed=$clients/node_modules/${package%@*}/package.json
    grep -qsF "\"version\": \"${package##*@}\"" "$installed" ||
        timeout 600 npm install --prefix "$clients" --save-exact --no-fund --no-audit "$package" >/dev/null 2>&1 ||
        skip "$package" "npm could not install it"
done
python=$clients/venv/bin/python
if ! "$python" -c 'import mcp' 2>/dev/null; then
    python3 -m venv "$clients/venv" >/dev/null 2>&1 &&
        timeout 600 "$python" -m pip install --quiet mcp==2.3.0 >/dev/null 2>&1 ||
        skip "python" "pip could not install mcp"
fi
[ "${1:-}" != install ] || exit "$skipped"

echo "== Claude Code, Codex, Gemini CLI, opencode"
cargo test --test real_clients || failed=$((failed + 1))

echo "== SDKs"
board=${CARGO_TARGET_DIR:-$PWD/target}/debug/callboard
run=$(mktemp -d)
export CALLBOARD_SOCKET=$run/s.sock HOME=$run
"$board" --no-tui 2>"$run/board.log" &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; rm -rf "$run"' EXIT
for _ in $(seq 100); do [ -S "$CALLBOARD_SOCKET" ] && break || sleep 0.05; done
[ -S "$CALLBOARD_SOCKET" ] || { echo "the board did not start:" >&2; cat "$run/board.log" >&2; exit 1; }

check() { # name, text to find, command...
    local name=$1 text=$2 out
    shift 2
    out=$(cd "$run" && timeout 60 "$@" 2>&1 </dev/null)
    if grep -qF -- "$text" <<<"$out"; then
        passed=$((passed + 1)) && echo "ok      $name"
    else
        failed=$((failed + 1)) && printf 'FAILED  %s: no «%s» in\n%s\n' "$name" "$text" "$out"
    fi
}

# The socket is named on the command line, since the Inspector hands few variables on.
inspector=("$clients/node_modules/.bin/mcp-inspector" --cli "$board" bridge --socket "$CALLBOARD_SOCKET")
if [ -x "${inspector[0]}" ]; then
    check "inspector lists the tools" '"setStorage"' "${inspector[@]}" --method tools/list
    check "inspector writes a key" '\"success\":true' "${inspector[@]}" \
        --method tools/call --tool-name setStorage --tool-arg key=task:inspector --tool-arg value=seen
    check "inspector reads it, modern era" 'seen' "${inspector[@]}" --protocol-era modern \
        --method tools/call --tool-name getStorage --tool-arg key=task:inspector
fi

if "$python" -c 'import mcp' 2>/dev/null; then
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
        "$python" "$run/client.py" "$board" "$CALLBOARD_SOCKET"
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
