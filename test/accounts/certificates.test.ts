import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { chmod } from "node:fs/promises";
import { createServer } from "node:https";
import { connect as connectTcp, createServer as createTcpServer } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import t, { type Test } from "tap";
import { createAuthority, issue } from "../../src/certificates/authority.ts";
import { createClientCertificates } from "../../src/server/client-certificates.ts";
import { trackConnections } from "../../src/server/connections.ts";
import { type Standin, startStandin } from "../../src/standin/server.ts";
import { portOf, startTestGateway, type TestGateway, testCertificate } from "../support/gateway.ts";
import { type ClientPair, keepConnection, password, reasonOf, userToml } from "./clients.ts";

const authority = await createAuthority({ commonName: "clients" });
/** Has the same name as the right one, and another key. */
const impostor = await createAuthority({ commonName: "clients" });
const pairs = {
  telegraf: await issue(authority, { hosts: [], usage: "client", commonName: "telegraf" }),
  dashboard: await issue(authority, { hosts: ["dashboard.example.com"], usage: "client", commonName: "x" }),
  address: await issue(authority, { hosts: ["10.0.0.7"], usage: "client", commonName: "y" }),
  unnamed: await issue(authority, { hosts: ["stranger.example.com"], usage: "client", commonName: "stranger" }),
  two: await issue(authority, { hosts: ["dashboard.example.com"], usage: "client", commonName: "telegraf" }),
  expired: await issue(authority, {
    hosts: [],
    usage: "client",
    commonName: "telegraf",
    notBefore: new Date(Date.now() - 7_200_000),
    notAfter: new Date(Date.now() - 3_600_000),
  }),
  early: await issue(authority, {
    hosts: [],
    usage: "client",
    commonName: "telegraf",
    notBefore: new Date(Date.now() + 3_600_000),
    notAfter: new Date(Date.now() + 7_200_000),
  }),
  foreign: await issue(impostor, { hosts: [], usage: "client", commonName: "telegraf" }),
  server: await issue(authority, { hosts: ["dashboard.example.com"], commonName: "telegraf" }),
  similar: [
    ...["dashboard.example.com.evil.test", "xdashboard.example.com", "example.com", "*.example.com", "10.0.0.70"],
  ],
};

const users = [
  userToml("telegraf", "viewer", `certificate = "CN=telegraf"\n`, false),
  userToml("dashboard", "viewer", `certificate = "dashboard.example.com"\n`, false),
  userToml("collector", "writer", `certificate = "10.0.0.7"\ndatabases = ["telegraf"]\n`),
  userToml("operator", "admin"),
].join("");

async function start(t: Test): Promise<{ gateway: TestGateway; standin: Standin; configuration: Configuration }> {
  const folder = t.testdir({ "ca.pem": authority.certificate, "other.pem": impostor.certificate });
  await chmod(`${folder}/ca.pem`, 0o600);
  const standin = await startStandin();
  const configuration: Configuration = (auth, ca = "ca.pem", who = users) =>
    `${who}[[kapacitor]]\nurl = "${standin.url}"\n${auth === "none" ? "" : `[tls]\nclient-auth = "${auth}"\nclient-ca = "${folder}/${ca}"\n`}`;
  const gateway = await startTestGateway(configuration("optional"));
  t.teardown(async () => {
    await gateway.close();
    await standin.close();
  });
  return { gateway, standin, configuration };
}

type Configuration = (auth: "none" | "optional" | "required", ca?: string, who?: string) => string;

/** One request over a connection of its own: the status and who the record names, or that there is no connection. */
async function attempt(gateway: TestGateway, pair: ClientPair | undefined, login?: string): Promise<string> {
  const connection = keepConnection(gateway, pair);
  const before = gateway.records.length;
  try {
    const answer = await connection.request("GET", "/kapacitor/v1/tasks", login === undefined ? {} : { login });
    await gateway.record((record) => gateway.records.indexOf(record) >= before);
    const record = gateway.records.slice(before).find(({ msg }) => msg === "request");
    return `${answer.status} ${record?.principal ?? reasonOf(answer.body)}`;
  } catch {
    return "no connection";
  } finally {
    await connection.close();
  }
}

t.test("a certificate is the user that it is mapped to, without a password; any other is nobody", async (t) => {
  const { gateway, standin } = await start(t);
  const nobody = "401 credentials_required";
  const rows: readonly [what: string, pair: ClientPair | undefined, expected: string][] = [
    ["by its common name", pairs.telegraf, "200 telegraf"],
    ["by an alternative name", pairs.dashboard, "200 dashboard"],
    ["none", undefined, nobody],
    ["one that names no user", pairs.unnamed, nobody],
    ["one that names two users", pairs.two, nobody],
    ["expired", pairs.expired, nobody],
    ["not valid yet", pairs.early, nobody],
    ["from another authority of the same name", pairs.foreign, nobody],
    ["for servers, from the right authority", pairs.server, nobody],
  ];
  for (const [what, pair, expected] of rows) t.equal(await attempt(gateway, pair), expected, what);
  for (const name of pairs.similar) {
    const pair = await issue(authority, { hosts: [name], usage: "client", commonName: "z" });
    t.equal(await attempt(gateway, pair), nobody, `a similar name: ${name}`);
  }
  for (const commonName of [
    "Telegraf",
    "telegraf ",
    "telegraf\0",
    "tеlegraf",
    "telegraf\nCN=telegraf",
    "telegraf.",
    "operator",
  ]) {
    const pair = await issue(authority, { hosts: [], usage: "client", commonName });
    t.equal(await attempt(gateway, pair), nobody, `a similar name: ${JSON.stringify(commonName)}`);
  }
  t.equal(standin.requests.length, 2);
});

t.test(
  "Authorization decides alone when it is present, and a certificate changes nothing about a password",
  async (t) => {
    const { gateway } = await start(t);
    t.equal(await attempt(gateway, pairs.telegraf, `operator:${password}`), "200 operator");
    t.equal(await attempt(gateway, pairs.telegraf, "operator:wrong"), "401 credentials_invalid");
    t.equal(await attempt(gateway, pairs.telegraf, "telegraf:"), "401 credentials_invalid");
    t.equal(
      await attempt(gateway, pairs.telegraf, `telegraf:${password}`),
      "401 credentials_invalid",
      "it has no password",
    );
    t.equal(await attempt(gateway, pairs.foreign, `operator:${password}`), "200 operator", "a bad one is like none");
    t.equal(await attempt(gateway, undefined, `operator:${password}`), "200 operator");
  },
);

t.test(
  "a writer may write by its certificate, to its databases alone, and again over the same connection",
  async (t) => {
    const { gateway, standin } = await start(t);
    const collector = keepConnection(gateway, pairs.address);
    const viewer = keepConnection(gateway, pairs.telegraf);
    t.teardown(async () => {
      await collector.close();
      await viewer.close();
    });
    const write = { body: "m v=1 1\n" };
    for (let times = 0; times < 3; times++)
      t.equal((await collector.request("POST", "/write?db=telegraf&rp=autogen", write)).status, 204);
    t.equal(standin.points.length, 3);
    t.equal(reasonOf((await collector.request("POST", "/write?db=other&rp=autogen", write)).body), "role_denied");
    t.equal(reasonOf((await viewer.request("POST", "/write?db=telegraf&rp=autogen", write)).body), "role_denied");
    t.equal(reasonOf((await collector.request("GET", "/kapacitor/v1/tasks")).body), "role_denied");
    t.equal(standin.points.length, 3);
  },
);

t.test(
  "with required nobody gets in without a certificate, and one that names nobody still needs a password",
  async (t) => {
    const { gateway, configuration, standin } = await start(t);
    await gateway.reload(configuration("required"));
    t.equal(await attempt(gateway, pairs.telegraf), "200 telegraf");
    t.equal(await attempt(gateway, pairs.unnamed), "401 credentials_required");
    t.equal(await attempt(gateway, pairs.unnamed, `operator:${password}`), "200 operator");
    for (const [what, pair] of [
      ["none", undefined],
      ["expired", pairs.expired],
      ["from another authority", pairs.foreign],
      ["for servers", pairs.server],
    ] as const)
      t.equal(await attempt(gateway, pair, `operator:${password}`), "no connection", what);
    t.equal(standin.requests.length, 2);
  },
);

t.test("a reload reaches open connections: required, other authorities, other users, none", async (t) => {
  const { gateway, configuration, standin } = await start(t);
  const certified = keepConnection(gateway, pairs.telegraf);
  const writer = keepConnection(gateway, pairs.address);
  const bare = keepConnection(gateway);
  t.teardown(() => Promise.all([certified, writer, bare].map((connection) => connection.close())));
  const ask = async (connection: typeof bare, login?: string) => {
    const { status, body } = await connection.request(
      "GET",
      "/kapacitor/v1/ping",
      login === undefined ? {} : { login },
    );
    return `${status} ${reasonOf(body)}`.trim();
  };
  const write = async () => {
    const { status, body } = await writer.request("POST", "/write?db=telegraf&rp=autogen", { body: "m v=1 1\n" });
    return `${status} ${reasonOf(body)}`.trim();
  };
  t.equal(await ask(certified), "204");
  t.equal(await write(), "204");
  t.equal(await ask(bare, `operator:${password}`), "204");

  await gateway.reload(configuration("required"));
  t.equal(await ask(certified), "204", "its certificate counts as before");
  t.equal(await write(), "204");
  const refused = await bare.request("GET", "/kapacitor/v1/ping", { login: `operator:${password}` });
  t.match(refused, { status: 401, body: /client certificate is required/, closes: true });
  await t.rejects(bare.request("GET", "/kapacitor/v1/ping", { login: `operator:${password}` }), "nor a new connection");

  await gateway.reload(configuration("optional", "ca.pem", userToml("operator", "admin")));
  t.equal(await ask(certified), "401 credentials_required", "the user is gone");
  t.equal(await write(), "401 credentials_required");

  await gateway.reload(configuration("optional", "other.pem"));
  t.equal(await ask(certified), "401 credentials_required", "its authority is gone");
  t.equal(await write(), "401 credentials_required");

  await gateway.reload(configuration("optional"));
  t.equal(await ask(certified), "204", "and back");
  t.equal(await write(), "204");

  await gateway.reload(configuration("none", "", userToml("operator", "admin")));
  t.equal(await ask(certified), "401 credentials_required", "certificates do not count");
  t.equal(await write(), "401 credentials_required");
  t.equal(certified.connects(), 1, "all on one connection");
  t.equal(writer.connects(), 1);
  t.equal(standin.points.length, 3);
});

/**
 * Whoever sends a head that was accepted before is let in by it. Where certificates are asked for, the head is not all that a connection
 * brings: one that is older than that setting has none.
 */
t.test("a head that was accepted with a certificate does not open a connection without one", async (t) => {
  const { gateway, standin, configuration } = await start(t);
  const { ca } = await testCertificate();
  await gateway.reload(configuration("none", "", userToml("operator", "admin")));
  const login = Buffer.from(`operator:${password}`).toString("base64");
  const write = async (socket: TLSSocket): Promise<string> => {
    socket.write(
      `POST /write?db=d HTTP/1.1\r\nHost: x\r\nAuthorization: Basic ${login}\r\nContent-Length: 6\r\n\r\nm v=1\n`,
    );
    const [answer] = await once(socket, "data");
    return String(answer).slice(9, 12);
  };
  const shake = async (own: { cert?: string; key?: string }): Promise<TLSSocket> => {
    const socket = connect({ port: gateway.port, host: "127.0.0.1", servername: "localhost", ca, ...own });
    t.teardown(() => socket.destroy());
    await once(socket, "secureConnect");
    return socket;
  };
  const old = await shake({});
  t.equal(await write(old), "204");
  await gateway.reload(configuration("required"));
  const certified = await shake({ cert: pairs.telegraf.chain, key: pairs.telegraf.privateKey });
  t.equal(await write(certified), "204");
  t.equal(await write(certified), "204");
  t.equal(await write(old), "401");
  t.equal(standin.points.length, 3);
});

t.test("a resumed session proves no more than the one before it", async (t) => {
  const { gateway, configuration } = await start(t);
  const { ca } = await testCertificate();
  const shake = async (
    options: { session?: Buffer; cert?: string; key?: string },
    maxVersion: "TLSv1.2" | "TLSv1.3",
  ) => {
    const socket = connect({
      port: gateway.port,
      host: "127.0.0.1",
      servername: "localhost",
      ca,
      maxVersion,
      ...options,
    });
    let ticket: Buffer | undefined;
    socket.on("session", (session) => {
      ticket = session;
    });
    await once(socket, "secureConnect");
    // What belongs to the handshake has come by then.
    const answer = await askPing(socket);
    const reused = socket.isSessionReused();
    socket.destroy();
    return { answer, reused, session: ticket === undefined ? {} : { session: ticket } };
  };
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    const cases = [
      ["without a certificate", undefined, "401"],
      ["with one of another authority", pairs.foreign, "401"],
      ["with an expired one", pairs.expired, "401"],
      ["with the right one", pairs.telegraf, "204"],
    ] as const;
    for (const [what, pair, expected] of cases) {
      const own = pair === undefined ? {} : { cert: pair.chain, key: pair.privateKey };
      const first = await shake(own, version);
      t.equal(first.answer, expected, `${version} ${what}`);
      const second = await shake(first.session, version);
      t.equal(second.reused, true, `${version} ${what}: the session is resumed`);
      t.equal(second.answer, expected, `${version} ${what}: resumed`);
    }
  }
  const before = await shake({}, "TLSv1.3");
  const trusted = await shake({ cert: pairs.telegraf.chain, key: pairs.telegraf.privateKey }, "TLSv1.3");
  await gateway.reload(configuration("required"));
  await t.rejects(shake(before.session, "TLSv1.3"), "a session of before does not lead around required");
  await gateway.reload(configuration("optional", "other.pem"));
  t.equal((await shake(trusted.session, "TLSv1.3")).answer, "401", "nor around other authorities");
});

/** The status of a ping, "" when the connection ends instead. */
async function askPing(socket: TLSSocket): Promise<string> {
  const ended = new Promise<string>((resolve, reject) => {
    let text = "";
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      const [, status] = /^HTTP\/1\.1 (\d+)/.exec(text) ?? [];
      if (status !== undefined) resolve(status);
    });
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("closed")));
  });
  socket.write("GET /kapacitor/v1/ping HTTP/1.1\r\nHost: localhost\r\n\r\n");
  return ended;
}

t.test("an open connection does not outlive its certificate, and one that was not watched has none", async (t) => {
  let time = Date.now();
  const trust = { ca: authority.certificate, required: false };
  const watched = createClientCertificates(() => time);
  const unwatched = createClientCertificates(() => time);
  const { pem } = await testCertificate();
  const server = createServer({ cert: pem, key: pem, ca: trust.ca, requestCert: true, rejectUnauthorized: false });
  watched.use(trust);
  watched.watch(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { chain, privateKey, certificate } = pairs.telegraf;
  const client = connect({ port: portOf(server.address()), rejectUnauthorized: false, cert: chain, key: privateKey });
  const [socket] = await once(server, "secureConnection");
  t.teardown(() => {
    client.destroy();
    server.close();
  });
  t.strictSame(watched.namesOf(socket, trust), ["CN:telegraf"]);
  t.equal(watched.namesOf(socket, { ...trust, ca: impostor.certificate }), undefined, "other authorities");
  t.equal(watched.namesOf(socket, undefined), undefined, "nobody is asked for one");
  t.equal(unwatched.namesOf(socket, trust), undefined);
  const { validFromDate, validToDate } = new X509Certificate(certificate);
  const moments = [
    [validToDate.getTime(), true],
    [validToDate.getTime() + 1, false],
    [validFromDate.getTime() - 1, false],
    [validFromDate.getTime(), true],
  ] as const;
  for (const [moment, counts] of moments) {
    time = moment;
    t.equal(watched.namesOf(socket, trust) !== undefined, counts, new Date(moment).toISOString());
  }
});

/**
 * Found by an attack: connections went by the peer's address and port alone. Who connected before a reload that took an authority away, and once
 * more after it, from the same port to another address of the machine, had the first one counted as judged by the new authorities.
 */
t.test("a second connection from the same port to another address says nothing about the first", async (t) => {
  const before = { ca: authority.certificate, required: false };
  const after = { ca: impostor.certificate, required: false };
  const certificates = createClientCertificates();
  const { pem } = await testCertificate();
  const server = createServer({ cert: pem, key: pem, ca: before.ca, requestCert: true, rejectUnauthorized: false });
  const open = trackConnections(server, () => ({
    "max-connections": 10,
    "max-connections-per-address": 0,
    "header-timeout": 0,
    "idle-timeout": 0,
  }));
  certificates.use(before);
  certificates.watch(server);
  server.listen(0, "0.0.0.0");
  await once(server, "listening");
  const port = portOf(server.address());
  const probe = createTcpServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const from = { localAddress: "127.0.0.1", localPort: portOf(probe.address()) };
  await new Promise((resolve) => probe.close(resolve));
  const { chain, privateKey } = pairs.telegraf;
  const tcp = connectTcp({ host: "127.0.0.1", port, ...from });
  const client = connect({ socket: tcp, rejectUnauthorized: false, cert: chain, key: privateKey });
  const [socket] = await once(server, "secureConnection");
  certificates.use(after);
  const second = connectTcp({ host: "127.0.0.2", port, ...from });
  t.teardown(() => {
    client.destroy();
    second.destroy();
    server.close();
  });
  await once(server, "connection");
  t.equal(open.count(), 2, "they are two");
  t.equal(certificates.namesOf(socket, after), undefined);
  t.strictSame(certificates.namesOf(socket, before), ["CN:telegraf"]);
});
