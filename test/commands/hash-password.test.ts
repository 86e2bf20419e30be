import { PassThrough, Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import t from "tap";
import { run } from "../../src/commands/hash-password.ts";
import type { CommandInput } from "../../src/commands/io.ts";
import { verifyHash } from "../../src/credentials/hashes.ts";

function createIo(stdin: CommandInput, argv: readonly string[] = []) {
  let [out, err] = ["", ""];
  const stdout = { write: (text: string) => (out += text) };
  const stderr = { write: (text: string) => (err += text) };
  return {
    io: { argv, environment: {}, workingDirectory: "/", stdin, stdout, stderr },
    out: () => out,
    err: () => err,
  };
}

/** A terminal that remembers whether it shows what is typed. */
class Terminal extends PassThrough {
  readonly isTTY = true;
  readonly modes: boolean[] = [];
  setRawMode(raw: boolean): void {
    this.modes.push(raw);
  }
}

t.test("the first line of stdin becomes a hash on stdout, and nothing else is said", async (t) => {
  const rows: readonly [name: string, chunks: readonly (string | Buffer)[], password: string][] = [
    ["a line", ["secret\n"], "secret"],
    ["no line end", ["secret"], "secret"],
    ["a line end of Windows", ["secret\r\n"], "secret"],
    ["more lines", ["secret\nmore\n"], "secret"],
    ["blanks are the password's", [" secret \n"], " secret "],
    ["UTF-8 in pieces", [Buffer.from([0xc3]), Buffer.from([0xa4, 0x0a])], "ä"],
  ];
  for (const [name, chunks, password] of rows) {
    const { io, out, err } = createIo(Readable.from(chunks.map((chunk) => Buffer.from(chunk))));
    t.equal(await run(io), 0, name);
    t.match(out(), /^\$2y\$10\$[./A-Za-z0-9]{53}\n$/, name);
    t.equal(await verifyHash(out().trim(), password), true, name);
    t.equal(err(), "", name);
  }
});

t.test("stdin is not read to its end", async (t) => {
  const stdin = new PassThrough();
  stdin.write("secret\n");
  t.equal(await run(createIo(stdin).io), 0);
  t.equal(stdin.destroyed, true);
});

t.test("a password that cannot be used is refused with the reason, and not repeated", async (t) => {
  const rows: readonly [name: string, text: string | Buffer, reason: RegExp][] = [
    ["no input", "", /no password could be read/],
    ["an empty line", "\n", /is empty/],
    ["73 bytes", `${"x".repeat(73)}\n`, /longer than 72 bytes/],
    ["37 characters of two bytes", "ä".repeat(37), /longer than 72 bytes/],
    ["a line without an end", "x".repeat(100_000), /longer than 72 bytes/],
    ["Latin-1", Buffer.from("p\u00e4sse\n", "latin1"), /not valid UTF-8/],
    ["a control character", "pass\tword\n", /control character/],
    ["NUL", "pass\u0000word\n", /control character/],
  ];
  for (const [name, text, reason] of rows) {
    const { io, out, err } = createIo(Readable.from(text === "" ? [] : [Buffer.from(text)]));
    t.equal(await run(io), 1, name);
    t.equal(out(), "", name);
    t.match(err(), reason, name);
    t.notMatch(err(), /xxx|ää|sse|pass\s/, name);
  }
});

t.test("input that cannot be read and arguments are refused", async (t) => {
  const broken = new Readable({
    read() {
      this.destroy(new Error("EISDIR"));
    },
  });
  const unreadable = createIo(broken);
  t.equal(await run(unreadable.io), 1);
  t.match(unreadable.err(), /no password could be read/);
  const named = createIo(Readable.from([]), ["hunter2"]);
  t.equal(await run(named.io), 1);
  t.match(named.err(), /usage: kapgate hash-password.*list of processes/);
  t.notMatch(named.err(), /hunter2/);
});

async function type(...pieces: readonly (string | Buffer)[]) {
  const terminal = new Terminal();
  const { io, out, err } = createIo(terminal);
  const code = run(io);
  for (const piece of pieces) {
    terminal.write(piece);
    await setImmediate();
  }
  return { code: await code, out: out(), err: err(), modes: terminal.modes, paused: terminal.isPaused() };
}

t.test("at a terminal it asks twice without showing what is typed", async (t) => {
  const { code, out, err, modes, paused } = await type("secret\r", "secret\r");
  t.equal(code, 0);
  t.equal(await verifyHash(out.trim(), "secret"), true);
  t.match(err, /^Password: \nAgain: \n.*\$\$/);
  t.notMatch(err, /secret/);
  t.same(modes, [true, false, true, false]);
  t.equal(paused, true, "so that the process can end");
});

t.test("keys that edit the line are understood", async (t) => {
  const rows: readonly [name: string, pieces: readonly (string | Buffer)[], password: string][] = [
    ["letter by letter", [..."secret\rsecret\r"], "secret"],
    ["both lines at once", ["secret\rsecret\r"], "secret"],
    ["line feeds", ["secret\nsecret\n"], "secret"],
    ["backspace", ["secrex\u007ft\r", "x\b\bsecret\r"], "secret"],
    ["backspace over a character of four bytes", ["a😀\u007f\ra\r"], "a"],
    ["erase the line", ["wrong\u0015secret\r", "secret\r"], "secret"],
    ["UTF-8 in pieces", [Buffer.from([0xc3]), Buffer.from([0xa4]), "\rä\r"], "ä"],
  ];
  for (const [name, pieces, password] of rows) {
    const { code, out } = await type(...pieces);
    t.equal(code, 0, name);
    t.equal(await verifyHash(out.trim(), password), true, name);
  }
});

t.test("at a terminal too nothing is hashed that should not be, and the terminal is left as it was", async (t) => {
  const rows: readonly [name: string, pieces: readonly string[], reason: RegExp][] = [
    ["two different passwords", ["secret\r", "Secret\r"], /differ/],
    ["Ctrl-C", ["sec\u0003"], /no password/],
    ["Ctrl-D", ["\u0004"], /no password/],
    ["Ctrl-C at the second question", ["secret\r", "\u0003"], /differ/],
    ["an empty line", ["\r"], /is empty/],
    ["an endless line", ["x".repeat(100_000), "\r"], /longer than 72/],
  ];
  for (const [name, pieces, reason] of rows) {
    const { code, out, err, modes } = await type(...pieces);
    t.equal(code, 1, name);
    t.equal(out, "", name);
    t.match(err, reason, name);
    t.equal(modes.at(-1), false, name);
  }
});

t.test("a terminal that goes away ends the question", async (t) => {
  const terminal = new Terminal();
  const { io } = createIo(terminal);
  const code = run(io);
  terminal.end();
  t.equal(await code, 1);
});
