import { clean, dirty } from "./flow-cases.ts";

/** Bytes on a connection, and what of them may arrive at Kapacitor. */
export interface RawCase {
  readonly story: string;
  /** Numbers of facts.ts. */
  readonly facts: readonly string[];
  /** One unit for each byte. */
  readonly bytes: string;
  /** The answers, in order. */
  readonly statuses: readonly number[];
  /** `METHOD TARGET BODY` of what arrives. None: nothing does. */
  readonly reaches: readonly string[];
}

const tasks = "/kapacitor/v1/tasks";
const host = "Host: handlers.policy.test\r\n";

function taskBody(id: string, script: string): string {
  return JSON.stringify({ id, type: "stream", dbrps: [{ db: "d", rp: "r" }], script });
}

const bad = taskBody("raw", dirty);
const good = taskBody("raw-good", clean);

function post(
  target: string,
  body: string,
  fields = `Content-Length: ${body.length}\r\n`,
  version = "HTTP/1.1",
): string {
  return `POST ${target} ${version}\r\n${host}${fields}\r\n${body}`;
}

/** In chunks of seven bytes, each with an extension, and a trailer behind them. */
function chunked(body: string): string {
  const chunks = body.match(/[\s\S]{1,7}/g) ?? [];
  return `${chunks.map((chunk) => `${chunk.length.toString(16)};x="y"\r\n${chunk}\r\n`).join("")}0\r\nX-Trailer: 1\r\n\r\n`;
}

const chunkedFields = "Transfer-Encoding: chunked\r\n";

/** The framing and the targets that Kapacitor would take; the policy must see the same request, or nobody may. */
export const rawCases: readonly RawCase[] = [
  {
    story: "a target with a host of its own",
    facts: ["1.6"],
    bytes: post(`http://elsewhere.invalid${tasks}`, bad),
    statuses: [400],
    reaches: [],
  },
  {
    story: "a target with another scheme",
    facts: ["1.6"],
    bytes: post(`foo:${tasks}`, bad),
    statuses: [400],
    reaches: [],
  },
  {
    story: "a fragment, which Kapacitor cuts off",
    facts: ["1.6"],
    bytes: post(`${tasks}#/x`, bad),
    statuses: [400],
    reaches: [],
  },
  {
    story: "an asterisk",
    facts: ["1.6"],
    bytes: `OPTIONS * HTTP/1.1\r\n${host}\r\n`,
    statuses: [400],
    reaches: [],
  },
  {
    story: "a script in chunks with extensions and a trailer",
    facts: ["1.7"],
    bytes: post(tasks, chunked(bad), chunkedFields),
    statuses: [403],
    reaches: [],
  },
  {
    story: "an allowed one in such chunks is the same bytes in one piece",
    facts: ["1.7"],
    bytes: post(tasks, chunked(good), chunkedFields),
    statuses: [200],
    reaches: [`POST ${tasks} ${good}`],
  },
  {
    story: "a length that says less than the chunks",
    facts: ["1.7"],
    bytes: post(tasks, chunked(bad), `Content-Length: 2\r\n${chunkedFields}`),
    statuses: [400],
    reaches: [],
  },
  {
    story: "a length with a sign",
    facts: ["1.7"],
    bytes: post(tasks, bad, `Content-Length: +${bad.length}\r\n`),
    statuses: [400],
    reaches: [],
  },
  {
    story: "a coding that only looks like chunked",
    facts: ["1.7"],
    bytes: post(tasks, chunked(bad), "Transfer-Encoding: xchunked\r\n"),
    statuses: [400],
    reaches: [],
  },
  {
    story: "an attack behind an allowed request on the same connection",
    facts: ["1.7"],
    bytes: post(tasks, taskBody("raw-first", clean)) + post(tasks, bad) + post(tasks, taskBody("raw-last", clean)),
    statuses: [200, 403, 200],
    reaches: [`POST ${tasks} ${taskBody("raw-first", clean)}`, `POST ${tasks} ${taskBody("raw-last", clean)}`],
  },
  {
    story: "HTTP/1.0",
    facts: ["1.7"],
    bytes: post(tasks, bad, `Content-Length: ${bad.length}\r\n`, "HTTP/1.0"),
    statuses: [403],
    reaches: [],
  },
  {
    story: "a method in lower case",
    facts: ["1.1"],
    bytes: post(tasks, bad).replace("POST", "post"),
    statuses: [400],
    reaches: [],
  },
  {
    story: "a method of WebDAV",
    facts: ["1.1"],
    bytes: `PROPFIND ${tasks} HTTP/1.1\r\n${host}\r\n`,
    statuses: [405],
    reaches: [],
  },
  {
    story: "the stream of the log, which never ends",
    facts: ["2.8"],
    bytes: `GET /kapacitor/v1preview/logs?task=x HTTP/1.1\r\n${host}\r\n`,
    statuses: [200],
    reaches: ["GET /kapacitor/v1preview/logs?task=x "],
  },
];
