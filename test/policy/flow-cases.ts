import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Reason, reasons } from "../../src/errors.ts";

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly body: Buffer | undefined;
}

/** A request and what becomes of it. */
export interface Case {
  readonly story: string;
  /** Numbers of facts.ts that the case is about. */
  readonly facts: readonly string[];
  /** What Kapacitor has stored before, sent to it directly. */
  readonly stored: readonly Call[];
  readonly call: Call;
  readonly headers: Readonly<Record<string, string>>;
  /** undefined: Kapacitor gets it, byte for byte. */
  readonly refused: Reason | undefined;
  /** What the text of a refusal matches. */
  readonly text: RegExp | undefined;
  readonly instance: string;
}

export interface Group {
  readonly name: string;
  readonly cases: readonly Case[];
}

/** Which instance of the gateway the cases of a file are sent to, unless they say so themselves. */
const instances: Readonly<Record<string, string>> = { targets: "targets", deadly: "targets" };

export const clean = "stream|from().measurement('m')|alert().crit(lambda: TRUE).topic('ops')";
export const dirty = "stream|from().measurement('m')|alert().crit(lambda: TRUE).exec('/usr/bin/touch', '/tmp/marker')";

/**
 * The cases of a file in test/policy/flow, as text: `##` story, `fact` numbers, `instance`, `stored` and `call` METHOD PATH BODY, `header`, then `passes` or `refused`
 * REASON with a pattern. A body is JSON as it is sent, `text:` and a JSON string, or `hex:`. `§` is a number of its own for every run of a case.
 */
function readGroup(name: string): Group {
  const text = readFileSync(join(import.meta.dirname, "flow", `${name}.txt`), "utf8");
  const blocks = text.split(/^## /m).slice(1);
  return { name, cases: blocks.map((block) => readCase(block.trimEnd(), instances[name] ?? "handlers")) };
}

/** What a request does is what the cases are about: a real Kapacitor can be asked whether that is so. */
export const groups: readonly Group[] = ["tasks", "templates", "handlers", "others", "targets", "self"].map(readGroup);

/** What would end a real Kapacitor. */
export const deadlyGroup: Group = readGroup("deadly");

/** One request or more for every route that Kapacitor has: the routes are what these are about. */
export const routeGroup: Group = readGroup("routes");

function readCase(block: string, instance: string): Case {
  const [story = "", ...lines] = block.split("\n");
  const stored: Call[] = [];
  const facts: string[] = [];
  const headers: Record<string, string> = {};
  let found: { call?: Call; outcome?: Pick<Case, "refused" | "text">; instance: string } = { instance };
  for (const line of lines) {
    const [, word = "", rest = ""] = /^(\w+) ?(.*)$/.exec(line) ?? [];
    switch (word) {
      case "fact":
        facts.push(...rest.split(" "));
        break;
      case "instance":
        found = { ...found, instance: rest };
        break;
      case "stored":
        stored.push(readCall(rest));
        break;
      case "header": {
        const [name = "", value = ""] = rest.split(": ");
        headers[name] = value;
        break;
      }
      case "call":
        found = { ...found, call: readCall(rest) };
        break;
      case "passes":
        found = { ...found, outcome: { refused: undefined, text: undefined } };
        break;
      case "refused":
        found = { ...found, outcome: readRefusal(rest) };
        break;
      default:
        throw new Error(`${story}: what is ${JSON.stringify(line)}?`);
    }
  }
  const { call, outcome } = found;
  if (call === undefined || outcome === undefined) throw new Error(`${story}: no call, or no outcome`);
  return { story, facts, stored, headers, call, ...outcome, instance: found.instance };
}

function readRefusal(text: string): Pick<Case, "refused" | "text"> {
  const [, name = "", pattern] = /^(\w+)(?: (.*))?$/.exec(text) ?? [];
  const reason = reasons.find((known) => known === name);
  if (reason === undefined) throw new Error(`there is no reason ${name}`);
  return { refused: reason, text: pattern === undefined ? undefined : new RegExp(pattern) };
}

function readCall(text: string): Call {
  const [, method = "", path = "", body] =
    /^([A-Z]+) (\S+)(?: (.*))?$/.exec(
      text
        .replaceAll("$padding", "// padding\\n".repeat(80_000))
        .replaceAll("$api", "/kapacitor/v1")
        .replaceAll("$clean", clean)
        .replaceAll("$dirty", dirty)
        .replaceAll("$dbrps", '[{"db":"d","rp":"r"}]'),
    ) ?? [];
  return { method, path, body: body === undefined ? undefined : readBody(body) };
}

function readBody(text: string): Buffer {
  if (text.startsWith("hex:")) return Buffer.from(text.slice("hex:".length), "hex");
  return Buffer.from(text.startsWith("text:") ? String(JSON.parse(text.slice("text:".length))) : text);
}

/** The call with its number, and with other words of the surroundings (ports) put in. */
export function fill(call: Call, words: Readonly<Record<string, string>>): Call {
  const replace = (text: string): string =>
    Object.entries(words).reduce((filled, [word, value]) => filled.replaceAll(word, value), text);
  const isText = call.body?.equals(Buffer.from(call.body.toString("utf8"))) === true;
  return {
    ...call,
    path: replace(call.path),
    body: isText ? Buffer.from(replace(call.body?.toString("utf8") ?? "")) : call.body,
  };
}
