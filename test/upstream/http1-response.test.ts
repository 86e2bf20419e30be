import t from "tap";
import { MalformedResponse, ResponseReader } from "../../src/upstream/http1-response.ts";

/** What is read of an answer that arrives in parts of `size` bytes and then ends; `bad` at the end where it is malformed. */
function read(text: string, size: number, answers = 1): string[] {
  const seen: string[] = [];
  let body = "";
  const reader: ResponseReader = new ResponseReader({
    proceed: () => seen.push("proceed"),
    head: ({ status, statusText, headers }) => seen.push(`${status} ${statusText} ${headers.join("|")}`),
    data: (chunk) => {
      body += chunk.toString("latin1");
    },
    end: (reusable) => {
      seen.push(`${JSON.stringify(body)} ${reusable ? "kept" : "closed"}`);
      body = "";
      answers -= 1;
      if (answers > 0) reader.expect();
    },
  });
  reader.expect();
  const bytes = Buffer.from(text, "latin1");
  try {
    for (let at = 0; at < bytes.length; at += size) reader.feed(bytes.subarray(at, at + size));
    reader.finish();
  } catch (error) {
    if (!(error instanceof MalformedResponse)) throw error;
    seen.push("bad");
  }
  return seen;
}

const ok = "HTTP/1.1 200 OK\r\n";

t.test("answers are read the same however they arrive", async (t) => {
  for (const [text, expected] of [
    ["HTTP/1.1 204 No Content\r\nRequest-Id: 1\r\n\r\n", ["204 No Content Request-Id|1", '"" kept']],
    ["HTTP/1.1 204\r\n\r\n", ["204  ", '"" kept']],
    ["HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", ["204 No Content Content-Length|5", '"" kept']],
    [`${ok}Content-Length: 0\r\n\r\n`, ["200 OK Content-Length|0", '"" kept']],
    [`${ok}content-length:  5 \r\n\r\nhello`, ["200 OK content-length|5", '"hello" kept']],
    [
      `${ok}Transfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: x\r\n\r\n`,
      ["200 OK Transfer-Encoding|Chunked", '"hello world" kept'],
    ],
    [`${ok}\r\nuntil the end\r\n\r\n`, ["200 OK ", '"until the end\\r\\n\\r\\n" closed']],
    [
      `${ok}Connection: x, close\r\nContent-Length: 1\r\n\r\nx`,
      ["200 OK Connection|x, close|Content-Length|1", '"x" closed'],
    ],
    ["HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", ["200 OK Content-Length|1", '"x" closed']],
    ["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", ["proceed", "204 No Content ", '"" kept']],
    ["HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", ["204 No Content ", '"" kept']],
    [
      "HTTP/1.1 400 Bad \xe9\r\nA: \xff\r\nB:\r\nContent-Length: 1\r\n\r\n\0",
      ["400 Bad \xe9 A|\xff|B||Content-Length|1", '"\\u0000" kept'],
    ],
  ] as const)
    for (const size of [1, 2, 3, 7, text.length])
      t.same(read(text, size), expected, `${JSON.stringify(text)} by ${size}`);
});

t.test("answers follow one another", async (t) => {
  const text = `${ok}Content-Length: 2\r\n\r\nab${ok}Transfer-Encoding: chunked\r\n\r\n1\r\nc\r\n0\r\n\r\nHTTP/1.1 204 N\r\n\r\n`;
  for (const size of [1, 5, text.length])
    t.equal(read(text, size, 3).filter((line) => line.endsWith("kept")).length, 3);
});

t.test("what has no reading, or more than one, is malformed", async (t) => {
  for (const text of [
    "HTTP/2 200 OK\r\n\r\n",
    "HTTP/1.1 20 OK\r\n\r\n",
    "HTTP/1.1  200 OK\r\n\r\n",
    "ICY 200 OK\r\n\r\n",
    "\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    `${ok}Content-Length: 1\r\nContent-Length: 1\r\n\r\nx`,
    `${ok}Content-Length: +1\r\n\r\nx`,
    `${ok}Content-Length: 1, 1\r\n\r\nx`,
    `${ok}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `${ok}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    `${ok}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `${ok}Transfer-Encoding: chunked\r\n\r\nx\r\n`,
    `${ok}Transfer-Encoding: chunked\r\n\r\n-1\r\n`,
    `${ok}Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n`,
    `${ok}No colon\r\n\r\n`,
    `${ok}Bad name: x\r\n\r\n`,
    `${ok} folded: x\r\n\r\n`,
    `${ok}A: b\nC: d\r\n\r\n`,
    `${ok}A: \0\r\n\r\n`,
    `${ok}A: ${"x".repeat(70_000)}\r\n\r\n`,
    `${ok}Transfer-Encoding: chunked\r\n\r\n${"0".repeat(5000)}\r\n`,
    `${ok}Transfer-Encoding: chunked\r\n\r\n0\r\n${"T: x\r\n".repeat(20_000)}\r\n`,
    `${ok}Content-Length: 1\r\n\r\nxy`,
    "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
  ])
    for (const size of [Math.ceil(text.length / 1000), text.length])
      t.equal(read(text, size).at(-1), "bad", JSON.stringify(text.slice(0, 80)));
});
