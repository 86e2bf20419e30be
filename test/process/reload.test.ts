import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import t from "tap";
import { Client } from "undici";
import { createAuthority, issue } from "../../src/certificates/authority.ts";
import { startStandin } from "../../src/standin/server.ts";
import { admin, adminUser, basic } from "../support/gateway.ts";
import { launch, listeningPort, liveBase, makeFolder } from "../support/process.ts";
import { openTls } from "../support/raw.ts";

const script = "stream|from()|alert().exec('/bin/true')";
const definition = JSON.stringify({ id: "x", type: "stream", dbrps: [{ db: "d", rp: "r" }], script });

/** A connection that stays open, with its number of handshakes. */
function keep(port: number, ca: string) {
  const client = new Client(`https://127.0.0.1:${port}`, { connect: { ca } });
  let handshakes = 0;
  client.on("connect", () => {
    handshakes += 1;
  });
  const send = async (method: "GET" | "POST", path: string, login: string, body?: string | PassThrough) => {
    const answer = await client.request({ method, path, headers: { authorization: basic(login) }, body: body ?? null });
    const text = await answer.body.text();
    return { status: answer.statusCode, text };
  };
  return { send, handshakes: () => handshakes, close: () => client.destroy() };
}

async function serialOf(port: number, ca: string): Promise<string> {
  const socket = await openTls(port, ca);
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}

t.test("certificates and passwords are taken from their files without a signal, or refused as a whole", async (t) => {
  const folder = await makeFolder();
  const standin = await startStandin();
  const authority = await createAuthority();
  const make = () => issue(authority, { hosts: ["localhost", "127.0.0.1"] });
  const [one, two, other] = [await make(), await make(), await make()];
  const past = { notBefore: new Date("2020-01-01"), notAfter: new Date("2020-02-01") };
  const expired = await issue(await createAuthority({ ...past }), { hosts: ["localhost"], ...past });
  await folder.write("kapgate.pem", one.chain + one.privateKey);
  await folder.write("secret", "first");
  const user = `[[user]]\nname = "telegraf"\nrole = "admin"\npassword-file = "secret"\n`;
  await folder.write("kapgate.toml", `${liveBase}${user}[[kapacitor]]\nurl = "${standin.url}"\n`);
  const live = launch([], { cwd: folder.path });
  t.teardown(async () => {
    live.child.kill("SIGKILL");
    await standin.close();
    await folder.remove();
  });
  const port = await listeningPort(live);
  const ca = authority.certificate;
  const open = keep(port, ca);
  t.teardown(() => open.close());
  const ping = (password: string) => open.send("GET", "/kapacitor/v1/ping", `telegraf:${password}`);
  const write = (password: string) => open.send("POST", "/write?db=d", `telegraf:${password}`, "m v=1");
  t.strictSame([(await ping("first")).status, (await write("first")).status], [204, 204]);

  // Half an edit of the configuration lies there all the while: files that change are no reason to read it.
  await folder.write("kapgate.toml", `${liveBase}[[user]]\nname = "tele`);
  await folder.write("secret", "second\n");
  await live.until((record) => record.msg === "reloaded");
  t.strictSame([(await write("first")).status, (await ping("first")).status], [401, 401], "the old one, on both lanes");
  t.strictSame([(await write("second")).status, (await ping("second")).status], [204, 204]);
  t.equal(open.handshakes(), 1, "all that on a connection that was open before");

  const pem = join(folder.path, "kapgate.pem");
  const whole = one.chain + one.privateKey;
  const serial = await serialOf(port, ca);
  const broken: readonly (readonly [what: string, make: () => Promise<unknown>, text: RegExp])[] = [
    [
      "half of a file",
      () => writeFile(pem, whole.slice(0, 300)),
      /has a PEM block without an end: is it being written\?/,
    ],
    ["a key of another certificate", () => writeFile(pem, one.chain + other.privateKey), /does not belong/],
    ["an expired one", () => writeFile(pem, expired.chain + expired.privateKey), /expired on 2020-02-01/],
    ["no file", () => rm(pem), /there is no file|does not exist/],
  ];
  for (const [what, make, text] of broken) {
    await make();
    const record = await live.until(({ msg, text: said }) => /refused/.test(String(msg)) && text.test(String(said)));
    t.match(record, { level: "error", key: "http.https-certificate" }, what);
    t.equal(await serialOf(port, ca), serial, "the old one goes on");
  }

  await folder.write("new.pem", two.chain + two.privateKey);
  await rename(join(folder.path, "new.pem"), pem);
  const taken = await live.until(({ msg, certificate }) => msg === "reloaded" && certificate !== undefined);
  t.match(taken, { cause: "files", files: [pem] });
  t.not(await serialOf(port, ca), serial, "new handshakes get the new one");
  t.equal((await ping("second")).status, 204);
  t.equal(open.handshakes(), 1, "and the connection lives on");
  live.child.kill("SIGTERM");
  t.equal((await live.ended).code, 0);
});

t.test("SIGHUP reads the configuration: as a whole, for new requests, and says what takes a restart", async (t) => {
  const folder = await makeFolder();
  const standin = await startStandin();
  const base = `${liveBase}${adminUser}[[kapacitor]]\nurl = "${standin.url}"\n`;
  await folder.write("kapgate.toml", base);
  const live = launch([], { cwd: folder.path });
  t.teardown(async () => {
    live.child.kill("SIGKILL");
    await standin.close();
    await folder.remove();
  });
  const port = await listeningPort(live);
  const early = keep(port, folder.ca);
  const late = keep(port, folder.ca);
  t.teardown(() => Promise.all([early.close(), late.close()]));
  const define = (body: string | PassThrough) => early.send("POST", "/kapacitor/v1/tasks", admin, body);

  t.equal((await early.send("GET", "/kapacitor/v1/ping", admin)).status, 204);
  const body = new PassThrough();
  body.write(definition.slice(0, 20));
  const under = define(body);
  t.equal((await late.send("GET", "/kapacitor/v1/ping", admin)).status, 204);
  // The head of the one under way has been judged when that of a later one has its answer.
  const changed = `${base.replace("127.0.0.1:0", "127.0.0.1:1")}[alerts]\ndisable-handlers = ["exec"]\n`;
  await folder.write("kapgate.toml", changed);
  live.child.kill("SIGHUP");
  const fixed = await live.until(({ key }) => key === "http.bind-address");
  t.match(fixed, { level: "warn", line: 2, msg: /takes a restart/ });
  await live.until(({ msg }) => msg === "reloaded");
  const refused = await late.send("POST", "/kapacitor/v1/tasks", admin, definition);
  t.match(refused, { status: 403, text: /handler_disabled/ }, "the new policy for a new request");
  body.end(definition.slice(20));
  t.equal((await under).status, 200, "the old one for the request under way");
  t.match(await define(definition), { status: 403 }, "on its connection the new one comes next");

  await folder.write("kapgate.toml", changed.replace('["exec"]', '["exce"]').replace("[[user]]", "[[users]]"));
  live.child.kill("SIGHUP");
  const record = await live.until(({ msg, key }) => /refused/.test(String(msg)) && key === "users");
  t.match(record, { source: join(folder.path, "kapgate.toml"), line: 7 });
  t.equal((await late.send("POST", "/kapacitor/v1/tasks", admin, definition)).status, 403, "what ran goes on");
  live.child.kill("SIGTERM");
  t.equal((await live.ended).code, 0);
});
