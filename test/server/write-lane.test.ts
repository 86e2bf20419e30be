import { request as httpsRequest } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync, gzipSync } from "node:zlib";
import t from "tap";
import { Pool } from "undici";
import { type StandinRequest, startStandin } from "../../src/standin/server.ts";
import { admin, adminUser, basic, startTestGateway } from "../support/gateway.ts";
import { openTls, sendRaw } from "../support/raw.ts";

interface Tap {
  teardown(undo: () => unknown): void;
}

type Intercept = (request: StandinRequest) => boolean | Promise<boolean>;

async function start(t: Tap, more: { http?: string; kapacitor?: string; intercept?: Intercept } = {}) {
  const { http = "", kapacitor = "", intercept } = more;
  const standin = await startStandin(intercept === undefined ? {} : { intercept });
  t.teardown(() => standin.close());
  const toml = (url: string): string => `${adminUser}[[kapacitor]]\nurl = "${url}"\n${kapacitor}`;
  const gateway = await startTestGateway(toml(standin.url), { http });
  t.teardown(() => gateway.close());
  return { standin, gateway, toml };
}

const head = (more: string): string =>
  `POST /write?db=d&rp=r HTTP/1.1\r\nHost: k\r\nAuthorization: ${basic(admin)}\r\n${more}\r\n\r\n`;
const write = { login: admin, body: "m v=1 1\n" };

t.test("bodies have a limit, and nothing of one that is larger is stored", async (t) => {
  const { gateway, standin } = await start(t, { http: 'write-max-body-size = "100KB"' });
  const line = `m v="${"x".repeat(990)}" 1\n`;
  const small = await gateway.request("POST", "/write?db=d", { login: admin, body: line.repeat(99) });
  t.equal(small.status, 204);
  t.equal(standin.points.length, 99);
  const declared = await sendRaw(gateway.port, gateway.ca, head("Content-Length: 100001"));
  t.same(declared.statuses, [413]);
  t.match(declared.text, /kapgate body_too_large [0-9a-f-]{36}: the request body is larger than 100000 bytes\n$/);
  const chunk = `${line.length.toString(16)}\r\n${line}\r\n`;
  const chunked = await sendRaw(
    gateway.port,
    gateway.ca,
    `${head("Transfer-Encoding: chunked")}${chunk.repeat(110)}0\r\n\r\n`,
  );
  t.same(chunked.statuses, [413], "below what is read whole");
  t.equal(standin.points.length, 99);
});

t.test("compressed bodies pass as they are, alone, whatever their size", async (t) => {
  const { gateway, standin } = await start(t);
  const large = Array.from({ length: 9000 }, (_, at) => `m v=${Math.sin(at)} ${at}`).join("\n");
  for (const text of ["m v=1 1\n", large]) {
    const body = gzipSync(text);
    const headers = { "content-encoding": "gzip" };
    const answer = await gateway.request("POST", "/write?db=d", { login: admin, headers, body });
    t.equal(answer.status, 204);
    t.ok(standin.requests.at(-1)?.body.equals(body));
    t.equal(gunzipSync(standin.requests.at(-1)?.body ?? "").toString(), text);
  }
  t.equal(standin.points.length, 9001);
});

t.test("a client that waits for 100 Continue gets it when its body is taken, and none with a refusal", async (t) => {
  const { gateway, standin } = await start(t, { http: 'write-max-body-size = "1MB"' });
  for (const body of ["m v=1 1\n", `m v="${"x".repeat(300_000)}" 1\n`]) {
    const socket = await openTls(gateway.port, gateway.ca);
    t.teardown(() => socket.destroy());
    const next = (): Promise<string> => new Promise((resolve) => socket.once("data", (data) => resolve(String(data))));
    socket.write(head(`Content-Length: ${body.length}\r\nExpect: 100-continue`));
    t.match(await next(), /^HTTP\/1\.1 100 /);
    socket.write(body);
    t.match(await next(), /^HTTP\/1\.1 204 /);
  }
  t.equal(standin.points.length, 2);
  const refused = await sendRaw(gateway.port, gateway.ca, head("Content-Length: 1000001\r\nExpect: 100-continue"));
  t.same(refused.statuses, [413]);
});

t.test("a body that arrives byte by byte is taken, small or large", async (t) => {
  const { gateway, standin } = await start(t);
  for (const length of [3000, 70_000, 270_000]) {
    const body = `m v="${"x".repeat(length)}" 1\n`;
    const chunks = [...body].map((byte) => `1\r\n${byte}\r\n`).join("");
    const answer = await sendRaw(gateway.port, gateway.ca, `${head("Transfer-Encoding: chunked")}${chunks}0\r\n\r\n`);
    t.same(answer.statuses, [204]);
    t.equal(standin.requests.at(-1)?.body.toString(), body);
  }
});

t.test("a body that stops arriving is refused, small or large, and nothing of it is stored", async (t) => {
  const { gateway, standin } = await start(t, { http: 'body-timeout = "60ms"' });
  for (const length of [100, 300_000]) {
    const part = `m v=1 1\n${"x".repeat(length / 2)}`;
    const answer = await sendRaw(gateway.port, gateway.ca, `${head(`Content-Length: ${length}`)}${part}`, {
      quietMs: 3000,
    });
    t.same(answer.statuses, [408], `${length} bytes`);
    t.ok(answer.closed);
  }
  t.equal(standin.points.length, 0);
});

t.test("a client that leaves in the middle of its body has written nothing", async (t) => {
  const { gateway, standin } = await start(t);
  for (const length of [100, 300_000]) {
    const socket = await openTls(gateway.port, gateway.ca);
    socket.write(`${head(`Content-Length: ${length}`)}m v=1 1\n${"x".repeat(length / 2)}`);
    await sleep(30);
    socket.destroy();
    await gateway.record((record) => record.aborted === true && Number(record.bytes_in) > length / 2);
  }
  t.equal((await gateway.request("POST", "/write?db=d", write)).status, 204);
  t.equal(standin.points.length, 1);
});

t.test("what Kapacitor says passes, and what it says about our own credentials does not", async (t) => {
  const { gateway, standin } = await start(t);
  const refused = await gateway.request("POST", "/write?db=d", { login: admin, body: "bad" });
  t.equal(refused.status, 400);
  t.match(refused.body, /unable to parse 'bad': missing fields/);
  t.match(refused.headers, { "x-kapacitor-version": "1.8.3" });
  const record = await gateway.record(({ status }) => status === 400);
  t.equal(record.upstream_request_id, refused.headers["request-id"]);
  await standin.close();
  const strict = await startStandin({ authentication: "required" });
  t.teardown(() => strict.close());
  await gateway.reload(`${adminUser}[[kapacitor]]\nurl = "${strict.url}"\n`);
  const unauthorized = await gateway.request("POST", "/write?db=d", write);
  t.equal(unauthorized.status, 502);
  t.match(unauthorized.body, /^kapgate upstream_unauthorized /);
});

t.test(
  "the record of a write says everything, and suppress-write-log leaves out those that were accepted",
  async (t) => {
    const { gateway, standin } = await start(t);
    await gateway.request("POST", "/write?db=d", write);
    const answer = await gateway.request("POST", "/write?db=d", write);
    const record = await gateway.record(
      ({ request_id: id }) => id === answer.headers["request-id"] || id !== undefined,
    );
    t.match(record, {
      level: "info",
      time: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/,
      msg: "request",
      request_id: /^[0-9a-f-]{36}$/,
      upstream_request_id: /^[0-9a-f-]{36}$/,
      lane: "write",
      class: "write",
      instance: "default",
      method: "POST",
      path: "/write",
      status: 204,
      principal: "admin",
      client_address: "127.0.0.1",
      remote_address: "127.0.0.1",
      bytes_in: 8,
      bytes_out: 0,
      duration_ms: Number,
      upstream_ms: Number,
    });
    const quiet = await startTestGateway(`${adminUser}[[kapacitor]]\nurl = "${standin.url}"\n`, {
      http: "suppress-write-log = true",
    });
    t.teardown(() => quiet.close());
    t.equal((await quiet.request("POST", "/write?db=d", write)).status, 204);
    t.equal((await quiet.request("POST", "/write?db=d", { body: "m v=1 1\n" })).status, 401);
    t.match(await quiet.record(() => true), { status: 401, reason: "credentials_required" });
  },
);

t.test("a reload in the middle of a body loses nothing", async (t) => {
  const { gateway, standin, toml } = await start(t);
  const body = "m v=1 1\n";
  const socket = await openTls(gateway.port, gateway.ca);
  t.teardown(() => socket.destroy());
  const answer = new Promise<string>((resolve) => socket.once("data", (data) => resolve(String(data))));
  socket.write(`${head(`Content-Length: ${body.length}`)}${body.slice(0, 3)}`);
  await sleep(30);
  const other = await startStandin();
  t.teardown(() => other.close());
  await gateway.reload(toml(other.url));
  t.equal((await gateway.request("POST", "/write?db=d", write)).status, 204);
  await sleep(30);
  socket.write(body.slice(3));
  t.match(await answer, /^HTTP\/1\.1 204 /);
  t.equal(standin.points.length, 1, "it was on its way to the old one");
  t.equal(other.points.length, 1);
});

t.test("an answer before the end of a body ends the write, and whoever leaves after it breaks nothing", async (t) => {
  const { gateway, standin } = await start(t);
  const body = Buffer.alloc(2_000_000, "x");
  await standin.close();
  const early = await import("node:http").then(({ createServer }) =>
    createServer((request, response) => {
      response.writeHead(400, { Connection: "close" }).end("too early\n");
      request.resume();
    }),
  );
  await new Promise<void>((resolve) => early.listen(standin.port, "127.0.0.1", resolve));
  t.teardown(() => {
    early.close();
    early.closeAllConnections();
  });
  const told = (): Promise<number | string | undefined> =>
    new Promise((resolve) => {
      const sent = httpsRequest({
        port: gateway.port,
        host: "127.0.0.1",
        ca: gateway.ca,
        method: "POST",
        path: "/write?db=d",
        agent: false,
        headers: { authorization: basic(admin), "content-length": body.length },
      });
      sent.on("response", (answer) => {
        answer.resume();
        resolve(answer.statusCode);
        sent.destroy();
      });
      sent.on("error", (error) => resolve(String(error)));
      sent.write(body.subarray(0, 1_000_000));
    });
  // Whether the answer arrives before the end of the connection is a matter of luck.
  for (let time = 0; time < 5; time += 1) t.match(String(await told()), /^(400|502)$/);
  t.equal(gateway.records.filter(({ reason }) => reason === "internal_error").length, 0);
});

t.test("writes are refused when there is no memory left for them, and taken when there is", async (t) => {
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { gateway, standin } = await start(t, {
    // Handshakes of so many connections would take longer than all else.
    http: "https-enabled = false",
    kapacitor: 'write-timeout = "10m"\n',
    intercept: async () => {
      await held;
      return false;
    },
  });
  // More than the 64 MiB of writes that wait, and the 64 requests that are out.
  const body = `m v="${"x".repeat(65_000)}" 1\n`;
  const pool = new Pool(`http://127.0.0.1:${gateway.port}`, { connections: 1700 });
  t.teardown(() => pool.destroy());
  const headers = { authorization: basic(admin) };
  const send = async (): Promise<string> => {
    const answer = await pool.request({ method: "POST", path: "/write?db=d", headers, body });
    const text = await answer.body.text();
    return `${answer.statusCode} ${answer.headers["retry-after"] ?? ""} ${text.split(" ")[1] ?? ""}`;
  };
  // The first takes the verification of the password for all.
  const all = [send()];
  while (standin.requests.length === 0) await sleep(10);
  all.push(...Array.from({ length: 1699 }, send));
  while (!gateway.records.some(({ reason }) => reason === "overloaded")) await sleep(20);
  release();
  const counts = new Map<string, number>();
  for (const answer of await Promise.all(all)) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  t.same([...counts.keys()].sort(), ["204  ", "503 1 overloaded"]);
  t.equal(standin.points.length, counts.get("204  "));
  t.equal(await send(), "204  ");
});
