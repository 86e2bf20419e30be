import { once } from "node:events";
import type { Socket } from "node:net";
import fc from "fast-check";
import t, { type Test } from "tap";
import { startStandin } from "../../src/standin/server.ts";
import { sampleOf } from "../support/exposition.ts";
import { admin, adminUser, basic, startTestGateway, type TestGateway } from "../support/gateway.ts";
import { openTls } from "../support/raw.ts";

const auth = `Authorization: ${basic(admin)}\r\n`;

/** A write as it goes over the wire; `lines` are lines of the head. */
function write(body: string, lines = `Host: x\r\n${auth}`): string {
  return `POST /write?db=d HTTP/1.1\r\n${lines}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** A client's end of a connection. */
class Client {
  readonly socket: Socket;
  closed = false;
  #text = "";

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("close", () => {
      this.closed = true;
    });
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      this.#text += chunk;
    });
  }

  /** Sends pieces, each after the one before has had time to arrive alone. */
  async send(...pieces: string[]): Promise<void> {
    for (const piece of pieces) {
      this.socket.write(piece, "latin1");
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
  }

  /** The status codes of the first `count` answers, or of those that came before the end of the connection. */
  async statuses(count: number): Promise<string[]> {
    const found = (): string[] => Array.from(this.#text.matchAll(/^HTTP\/1\.1 (\d+) /gm), ([, code = ""]) => code);
    while (found().length < count && !this.closed) await new Promise((resolve) => setTimeout(resolve, 2));
    const codes = found();
    this.#text = "";
    return codes;
  }
}

async function start(t: Test, more = "", http = "") {
  const standin = await startStandin();
  t.teardown(() => standin.close());
  const gateway = await startTestGateway(`${adminUser}[[kapacitor]]\nurl = "${standin.url}"\n${more}`, { http });
  t.teardown(() => gateway.close());
  const open = async (): Promise<Client> => {
    const client = new Client(await openTls(gateway.port, gateway.ca));
    t.teardown(() => client.socket.destroy());
    return client;
  };
  const client = await open();
  // Node reads the head once; from then on it is known.
  await client.send(write("m v=0\n"));
  t.same(await client.statuses(1), ["204"]);
  let taken = standin.points.length;
  /** How many points came since this was asked last. */
  const came = (): number => {
    const before = taken;
    taken = standin.points.length;
    return taken - before;
  };
  return { standin, came, gateway, client, open };
}

/** Records of finished writes. */
function writesLogged({ records }: TestGateway): number {
  return records.filter(({ lane }) => lane === "write").length;
}

t.test("a write with a known head is the same wherever it is cut", async (t) => {
  const { came, client, gateway } = await start(t);
  const before = writesLogged(gateway);
  const whole = write("m v=1\nm v=2\n");
  const cuts = Array.from({ length: whole.length - 1 }, (_, index) => index + 1);
  for (const cut of cuts) {
    await client.send(whole.slice(0, cut), whole.slice(cut));
    t.same(await client.statuses(1), ["204"], `cut behind ${cut} bytes`);
  }
  t.equal(came(), cuts.length * 2);
  t.equal(writesLogged(gateway) - before, cuts.length, "each is logged once");
});

t.test("what comes behind a write with a known head is a request of its own, answered in turn", async (t) => {
  const { came, client } = await start(t);
  const ping = `GET /kapacitor/v1/ping HTTP/1.1\r\nHost: x\r\n${auth}\r\n`;
  const [first, second] = [write("m v=1\n"), write("m v=2\n", `Host: y\r\n${auth}`)];
  await client.send(first + first + ping + second + first);
  t.same(await client.statuses(5), ["204", "204", "204", "204", "204"]);
  t.equal(came(), 4);
  // A body that looks like a request is a body.
  await client.send(write(`# ${ping.replaceAll("\r\n", " ")}\nm v=3\n`));
  t.same(await client.statuses(1), ["204"]);
  // Half of the next head behind the body, the rest later.
  await client.send(first + first.slice(0, 30), first.slice(30));
  t.same(await client.statuses(2), ["204", "204"]);
  t.equal(came(), 3);
});

/** Any byte of the head may change what it means: node has to read it, and what it refuses ends the connection. */
t.test("a head that differs in anything but the length is read by node", async (t) => {
  const { came, open } = await start(t);
  const known = write("m v=1\n");
  const odd: readonly (readonly [string, string, string])[] = [
    ["a length that is given twice", known.replace(/(Content-Length: 6\r\n)/, "$1$1"), "400"],
    [
      "another length beside it",
      known.replace("Content-Length: 6\r\n", "Content-Length: 6\r\nContent-Length: 7\r\n"),
      "400",
    ],
    ["a length with a sign", known.replace("Length: 6", "Length: +6"), "400"],
    ["no length", known.replace("Length: 6", "Length: "), "400"],
    ["a length of digits and letters", known.replace("Length: 6", "Length: 6a"), "400"],
    ["a chunked body as well", known.replace("Content-Length", "Transfer-Encoding: chunked\r\nContent-Length"), "400"],
    ["a line that ends without a carriage return", known.replace("Host: x\r\n", "Host: x\n"), "400"],
    ["a folded line", known.replace("Host: x\r\n", "Host: x\r\n y\r\n"), "400"],
    ["a NUL", known.replace("Host: x", "Host: x\0"), "400"],
    ["other credentials", known.replace(auth, `Authorization: ${basic("admin:wrong")}\r\n`), "401"],
    ["no credentials", known.replace(auth, ""), "401"],
    ["another path", known.replace("/write?", "/write/../write?"), "400"],
    ["another method", known.replace("POST", "PUT"), "404"],
    ["two hosts", known.replace("Host: x\r\n", "Host: x\r\nHost: y\r\n"), "400"],
  ];
  for (const [what, text, status] of odd) {
    const client = await open();
    await client.send(known);
    t.same(await client.statuses(1), ["204"]);
    await client.send(text);
    const [code = ""] = await client.statuses(1);
    if (what === "another method") t.ok(["404", "405"].includes(code), `${what}: ${code}`);
    else t.equal(code, status, what);
  }
  t.equal(came(), odd.length);
  const spaced = await open();
  await spaced.send(known.replace("Content-Length: 6", "content-length:   006"));
  t.same(await spaced.statuses(1), ["204"], "a length that is written otherwise is node's to read");
});

t.test("Content-Length: 0 and a length beyond what is read whole are node's, and right", async (t) => {
  const { came, client } = await start(t);
  const large = "m v=1\n".repeat(50_000);
  await client.send(
    `POST /write?db=d HTTP/1.1\r\nHost: x\r\n${auth}Content-Length: 0\r\n\r\n${write(large)}${write("m v=2\n")}`,
  );
  t.same(await client.statuses(3), ["204", "204", "204"]);
  t.equal(came(), 50_001);
});

t.test(
  "a client that leaves within its body has written nothing, and one that does not go on is answered",
  async (t) => {
    const { came, gateway, client, open } = await start(t, "", 'body-timeout = "100ms"\n');
    const leaver = await open();
    await leaver.send(write("m v=1\nm v=2\n").slice(0, -3));
    leaver.socket.destroy();
    await client.send(write("m v=3\n").slice(0, -3));
    t.same(await client.statuses(1), ["408"]);
    if (!client.closed) await once(client.socket, "close");
    t.equal(came(), 0);
    while (writesLogged(gateway) < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    t.match(
      gateway.records
        .filter(({ lane }) => lane === "write")
        .slice(1)
        .map(({ status, aborted }) => [status, aborted])
        .sort(),
      [
        [0, true],
        [408, undefined],
      ],
    );
  },
);

t.test("an answer that is not 204 comes as it is, and the connection goes on", async (t) => {
  const { came, client } = await start(t);
  await client.send(write("no line protocol\n"), write("m v=1\n"));
  t.same(await client.statuses(2), ["400", "204"]);
  t.equal(came(), 1);
});

t.test("a writer whose password was changed is not known any more", async (t) => {
  const { came, client, gateway, standin } = await start(t);
  await gateway.reload(`${adminUser.replace("admin", "other")}[[kapacitor]]\nurl = "${standin.url}"\n`);
  await client.send(write("m v=1\n"));
  t.same(await client.statuses(1), ["401"]);
  t.equal(came(), 0);
});

/** Found by an attack: bytes of a body that had its answer were taken for a head that did not come to its end. */
t.test("the time for a head runs for a head only, and from its first byte", async (t) => {
  const { came, client, open } = await start(t, "", 'header-timeout = "300ms"\n');
  await client.send("POST /write?db=d HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n");
  t.same(await client.statuses(1), ["401"]);
  for (let sent = 0; sent < 8; sent += 1) {
    await client.send("x");
    await new Promise((resolve) => setTimeout(resolve, 80));
  }
  await client.send(write("m v=1\n"));
  t.same(await client.statuses(1), ["204"]);
  // Behind a request that node reads, behind one that it does not, and after it.
  const part = write("m v=2\n").slice(0, 30);
  for (const pieces of [
    [write("m v=1\n", `Host: z\r\n${auth}`) + part],
    [write("m v=1\n") + part],
    [write("m v=1\n"), part],
  ]) {
    const slow = await open();
    await slow.send(...pieces);
    t.same(await slow.statuses(2), ["204", "408"]);
  }
  // Line ends behind a body belong to nothing (RFC 9112, section 2.2).
  const old = await open();
  await old.send(`${write("m v=1\n", `Host: w\r\n${auth}`)}\r\n`);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await old.send(write("m v=1\n"));
  t.same(await old.statuses(2), ["204", "204"]);
  t.equal(came(), 6);
});

/** Found by a real InfluxDB: Go opens connections ahead of need, and an answer on one that has asked nothing is taken for the next one's. */
t.test("a connection that asked for nothing is closed without a word", async (t) => {
  const { gateway, open } = await start(t, "", 'header-timeout = "200ms"\n');
  const before = gateway.records.length;
  const silent = await open();
  let heard = "";
  silent.socket.on("data", (chunk) => {
    heard += chunk;
  });
  if (!silent.closed) await once(silent.socket, "close");
  t.equal(heard, "");
  t.equal(gateway.records.length, before);
});

/** A body that came in small pieces took the memory of the longest that may be read whole: a few hundred of them stopped all writes. */
t.test("a body in pieces takes the memory that it says, known head or not", async (t) => {
  const { came, gateway, client, open } = await start(t);
  const whole = write("m v=1\n".repeat(10));
  const pieces = (text: string): string[] => [text.slice(0, -40), ...text.slice(-40, -10)];
  const other = await open();
  await Promise.all([
    client.send(...pieces(whole)),
    other.send(...pieces(write("m v=1\n".repeat(10), `Host: z\r\n${auth}`))),
  ]);
  const admin = gateway.gateway.adminAddress;
  const metrics = await (await fetch(`http://127.0.0.1:${admin?.port}/metrics`)).text();
  const taken = sampleOf(metrics, "kapgate_write_waiting_bytes", {}) ?? Number.NaN;
  t.ok(taken > 0 && taken < 20_000, `${taken} bytes`);
  await Promise.all([client.send(whole.slice(-10)), other.send(whole.slice(-10))]);
  t.same([await client.statuses(1), await other.statuses(1)], [["204"], ["204"]]);
  t.equal(came(), 20);
});

t.test("what a client sends before it closes its half is served and answered", async (t) => {
  const { came, client } = await start(t);
  client.socket.end(write("m v=1\n") + write("m v=2\n") + write("m v=3\n").slice(0, -2), "latin1");
  t.same(await client.statuses(3), ["204", "204"]);
  t.equal(came(), 2);
});

t.test("random sequences of requests are answered one by one, however they are cut", async (t) => {
  const { came, open } = await start(t);
  const kinds = [write("m v=1\n"), write("m v=1\nm v=2\n"), write("m v=1\n", `${auth}Host: x\r\n`)];
  const points = [1, 2, 1];
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(kinds.length - 1), { minLength: 1, maxLength: 6 }),
      fc.array(fc.nat(600), { maxLength: 4 }),
      async (picks, places) => {
        came();
        const bytes = picks.map((pick) => kinds[pick] ?? "").join("");
        const cuts = [0, ...places.map((place) => place % bytes.length).sort((a, b) => a - b), bytes.length];
        const client = await open();
        await client.send(
          ...cuts
            .slice(1)
            .map((cut, index) => bytes.slice(cuts[index], cut))
            .filter((piece) => piece !== ""),
        );
        const statuses = await client.statuses(picks.length);
        client.socket.destroy();
        if (statuses.join() !== picks.map(() => "204").join()) throw new Error(statuses.join());
        const wanted = picks.reduce((sum, pick) => sum + (points[pick] ?? 0), 0);
        const count = came();
        if (count !== wanted) throw new Error(`${count} points for ${wanted}`);
      },
    ),
    { numRuns: 25 },
  );
});
