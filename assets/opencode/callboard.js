// callboard's plugin for opencode: asks the board before a file is written, and says who holds it if somebody does.
// Written by `callboard setup opencode`, taken away by `callboard setup opencode --remove`.
import { spawn } from "node:child_process";

const PROGRAM = "callboard";
/** Which board it asks, and what was chosen about locks. */
const ARGUMENTS = ["hook", "opencode"];
/** How long the program may take; it gives up earlier by itself. */
const TIMEOUT_MS = 5000;
/** Its exit code for what it does not understand where a board runs. */
const BLOCK = 2;
/** The tools that write files, or may. Some models are given the third in the place of the first two. */
const TOOLS = new Set(["write", "edit", "apply_patch", "bash"]);

/** Tells the board what happened and resolves to its verdict; without the program there is only a warning. */
const tell = (occasion) =>
  new Promise((resolve) => {
    const child = spawn(PROGRAM, ARGUMENTS, { cwd: occasion.directory, timeout: TIMEOUT_MS });
    const heard = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"]) {
      child[stream].setEncoding("utf8").on("data", (text) => (heard[stream] += text));
    }
    child.on("error", (error) => resolve({ warn: `callboard cannot be run: ${error.message}` }));
    child.on("close", (code) => {
      if (code === BLOCK) return resolve({ deny: heard.stderr });
      if (code !== 0) return resolve({ warn: `callboard failed: ${heard.stderr}` });
      try {
        resolve(JSON.parse(heard.stdout || "{}"));
      } catch (error) {
        resolve({ warn: `callboard's answer cannot be read: ${error.message}` });
      }
    });
    // It may have ended before it has read everything; its end is told above.
    child.stdin.on("error", () => {});
    child.stdin.end(JSON.stringify(occasion));
  });

export const Callboard = async ({ client, directory }) => {
  /** The sessions that have used a tool and are not idle: agents and the agents that they started. */
  const busy = new Set();
  const warn = (message) => client?.app?.log({ body: { service: "callboard", level: "warn", message } });
  return {
    "tool.execute.before": async ({ tool, sessionID, callID }, { args }) => {
      if (!TOOLS.has(tool)) return;
      busy.add(sessionID);
      const verdict = await tell({ event: "tool.execute.before", directory, tool, sessionID, callID, args });
      if (verdict.warn) await warn(verdict.warn);
      if (verdict.deny) throw new Error(verdict.deny);
    },
    event: async ({ event }) => {
      if (event.type !== "session.idle" || !busy.delete(event.properties?.sessionID) || busy.size > 0) return;
      await tell({ event: "session.idle", directory });
    },
  };
};
