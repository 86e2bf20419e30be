import { StringDecoder } from "node:string_decoder";
import { hashPassword } from "../credentials/hashes.ts";
import { bcryptPasswordBytes, passwordProblem } from "../credentials/password-rules.ts";
import type { CommandInput, CommandIo } from "./io.ts";

/** Far more than a password may have; a first line that goes on longer is refused unread. */
const longestLine = 4096;

const usage =
  "usage: kapgate hash-password < FILE, or without a file at a terminal, where it asks; it takes no arguments";

const interrupt = "\u0003";
const endOfInput = "\u0004";
const eraseLine = "\u0015";
const erase = new Set(["\b", "\u007f"]);

/**
 * `kapgate hash-password`: a password becomes a hash for `password-hash`. At a terminal it asks twice without showing what is
 * typed; else the first line of stdin is the password, without its line end. The hash goes to stdout alone.
 * @returns 0, or 1 when there is no password that could be used, with the reason on stderr
 */
export async function run(io: CommandIo): Promise<number> {
  const refuse = (text: string): number => {
    io.stderr.write(`kapgate hash-password: ${text}\n`);
    return 1;
  };
  if (io.argv.length > 0) return refuse(`${usage} (a password there would be seen in the list of processes)`);
  const terminal = io.stdin.isTTY === true;
  const ask = terminal ? createPrompt(io) : () => firstLine(io.stdin);
  const password = await ask("Password: ");
  if (password === undefined) return refuse("no password could be read");
  const problem = passwordProblem(password, bcryptPasswordBytes);
  if (problem !== undefined) return refuse(`the password ${problem}`);
  if (terminal && (await ask("Again: ")) !== password) return refuse("the two passwords differ");
  io.stdout.write(`${await hashPassword(password)}\n`);
  if (terminal) io.stderr.write("In docker-compose.yml write every $ of it as $$.\n");
  return 0;
}

/** Undefined when there is no input. Invalid UTF-8 becomes U+FFFD, which no password may hold. */
async function firstLine(stdin: CommandInput): Promise<string | undefined> {
  const decoder = new StringDecoder("utf8");
  let text = "";
  try {
    for await (const chunk of stdin) {
      text += decoder.write(chunk);
      if (text.includes("\n") || text.length > longestLine) break;
    }
  } catch {
    return undefined;
  }
  text += decoder.end();
  return text === "" ? undefined : text.replace(/\r?\n.*$/s, "");
}

/**
 * Makes a function that asks for one line at a terminal, not echoed; undefined when the user ends it with Ctrl-C or Ctrl-D.
 * What was typed or pasted beyond the line answers the next question.
 */
function createPrompt({ stdin, stderr }: CommandIo): (prompt: string) => Promise<string | undefined> {
  const decoder = new StringDecoder("utf8");
  let ahead: string[] = [];
  return (prompt) =>
    new Promise((resolve) => {
      const typed: string[] = [];
      const finish = (answer: string | undefined) => {
        stdin.off("data", take).off("end", abandon).off("error", abandon).pause();
        stdin.setRawMode?.(false);
        stderr.write("\n");
        resolve(answer);
      };
      const abandon = () => finish(undefined);
      const read = () => {
        for (let character = ahead.shift(); character !== undefined; character = ahead.shift()) {
          if (character === "\r" || character === "\n") return finish(typed.join(""));
          if (character === interrupt || character === endOfInput) return finish(undefined);
          if (character === eraseLine) typed.length = 0;
          else if (erase.has(character)) typed.pop();
          else if (typed.length < longestLine) typed.push(character);
        }
      };
      const take = (chunk: Buffer) => {
        ahead = [...ahead, ...decoder.write(chunk)];
        read();
      };
      stdin.setRawMode?.(true);
      stderr.write(prompt);
      stdin.on("data", take).on("end", abandon).on("error", abandon).resume();
      read();
    });
}
