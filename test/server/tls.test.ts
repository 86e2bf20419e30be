import { execFile } from "node:child_process";
import { once } from "node:events";
import { chmod, readFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { type ConnectionOptions, connect, type SecureVersion } from "node:tls";
import { promisify } from "node:util";
import t, { type Test } from "tap";
import { createAuthority, issue } from "../../src/certificates/authority.ts";
import { formatProblem } from "../../src/problem.ts";
import { loadTls, type TlsContext, type TlsSettings } from "../../src/server/tls.ts";

const run = promisify(execFile);
const authority = await createAuthority();
const stranger = await createAuthority();
const server = await issue(authority, { hosts: ["localhost", "127.0.0.1"] });
const good = server.chain + server.privateKey;
const made = t.testdir({ "server.pem": good });
await chmod(`${made}/server.pem`, 0o600);
await run("openssl", [
  ...["req", "-x509", "-nodes", "-newkey", "rsa:2048", "-days", "90", "-subj", "/CN=rsa"],
  ...["-addext", "subjectAltName=DNS:localhost", "-keyout", `${made}/rsa.key`, "-out", `${made}/rsa.pem`],
]);

const defaults: TlsSettings = {
  certificate: "",
  privateKey: "",
  minVersion: "tls1.2",
  maxVersion: "",
  ciphers: [],
  clientCa: "",
  clientAuth: "none",
};

/** Writes files, readable by their owner only, and gives a way to their paths. */
async function files(t: Test, contents: Readonly<Record<string, string>>): Promise<(name: string) => string> {
  const directory = t.testdir({ ...contents });
  await Promise.all(Object.keys(contents).map((name) => chmod(`${directory}/${name}`, 0o600)));
  return (name) => (name === "" ? "" : `${directory}/${name}`);
}

async function load(settings: Partial<TlsSettings>): Promise<TlsContext> {
  const loaded = await loadTls({ ...defaults, certificate: `${made}/server.pem`, ...settings });
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join("\n"));
  return loaded.context;
}

/** Serves with a context; the answer tells whether the client's certificate counts. */
async function serve(t: Test, context: TlsContext): Promise<number> {
  const listener = createServer(context, (request, response) => {
    const { socket } = request;
    response.end("authorized" in socket && socket.authorized === true ? "known" : "unknown");
  });
  listener.on("tlsClientError", () => undefined);
  t.teardown(() => {
    listener.closeAllConnections();
    listener.close();
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  return (listener.address() as AddressInfo).port;
}

interface Shaken {
  readonly version: string | null;
  readonly cipher: string;
  readonly alpn: string | false | null;
  readonly answer: string;
}

/** How a handshake ends that the server refuses; with TLS 1.3 the client learns of it only after its own part. */
const refusal = { code: /^(ERR_SSL_|ECONNRESET|NO_ANSWER)/ };

/** One handshake and one request; rejects when either is refused. */
async function shake(port: number, options: ConnectionOptions = {}): Promise<Shaken> {
  const socket = connect({ port, host: "127.0.0.1", servername: "localhost", ca: authority.certificate, ...options });
  try {
    await once(socket, "secureConnect");
    const version = socket.getProtocol();
    const cipher = socket.getCipher().standardName;
    const alpn = socket.alpnProtocol;
    socket.end("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let text = "";
    for await (const chunk of socket) text += chunk;
    const answer = text.split(/\r\n/).find((line) => line.endsWith("known"));
    if (answer === undefined) throw Object.assign(new Error("no answer"), { code: "NO_ANSWER" });
    return { version, cipher, alpn, answer };
  } finally {
    socket.destroy();
  }
}

t.test("a good certificate", async (t) => {
  const path = await files(t, { chain: server.chain, key: server.privateKey });
  const loaded = await loadTls({ ...defaults, certificate: path("chain"), privateKey: path("key") });
  t.strictSame(loaded.problems, []);
  t.strictSame(loaded.watchable, [path("chain"), path("key")]);
  if (!loaded.ok) throw new Error("it does not load");
  t.match(loaded.certificate, {
    subject: "CN=localhost",
    issuer: /^CN=kapgate CA [0-9a-f]{8}$/,
    names: ["localhost", "127.0.0.1"],
    daysLeft: 824,
    serialNumber: /^[0-9A-F]+$/,
    fingerprint: /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/,
  });
  const port = await serve(t, loaded.context);
  await t.test("speaks TLS 1.3 and 1.2", async (t) => {
    t.match(await shake(port), { version: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256" });
    t.match(await shake(port, { maxVersion: "TLSv1.2" }), {
      version: "TLSv1.2",
      cipher: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    });
  });
  await t.test("refuses older versions, CBC, no forward secrecy", async (t) => {
    const refused: readonly ConnectionOptions[] = [
      { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" },
      { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384:AES128-SHA" },
      { maxVersion: "TLSv1.2", ciphers: "AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256" },
    ];
    for (const options of refused) await t.rejects(shake(port, options), refusal, JSON.stringify(options));
  });
  await t.test("speaks HTTP/1.1 only", async (t) => {
    t.equal((await shake(port, { ALPNProtocols: ["h2", "http/1.1"] })).alpn, "http/1.1");
    await t.rejects(shake(port, { ALPNProtocols: ["h2"] }), refusal);
  });
  await t.test("is taken by curl, which verifies it", async (t) => {
    const trust = await files(t, { ca: authority.certificate, stranger: stranger.certificate });
    const curl = (ca: string) =>
      run("curl", ["-sS", "--noproxy", "*", "--cacert", trust(ca), `https://localhost:${port}/`]);
    t.equal((await curl("ca")).stdout, "unknown");
    await t.rejects(curl("stranger"), { code: 60 }, "and not under another CA");
  });
});

t.test("versions and suites as configured", async (t) => {
  const rows: readonly (readonly [
    settings: Partial<TlsSettings>,
    client: ConnectionOptions & { readonly maxVersion?: SecureVersion },
    cipher: string | undefined,
  ])[] = [
    [{ minVersion: "tls1.3" }, {}, "TLS_AES_128_GCM_SHA256"],
    [{ minVersion: "tls1.3" }, { maxVersion: "TLSv1.2" }, undefined],
    [{ maxVersion: "tls1.2" }, {}, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"],
    [{ maxVersion: "tls1.2" }, { minVersion: "TLSv1.3" }, undefined],
    [{ ciphers: ["TLS_CHACHA20_POLY1305_SHA256"] }, {}, "TLS_CHACHA20_POLY1305_SHA256"],
    [{ ciphers: ["TLS_CHACHA20_POLY1305_SHA256"] }, { maxVersion: "TLSv1.2" }, undefined],
    [{ ciphers: ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"] }, {}, "TLS_AES_128_GCM_SHA256"],
    ...[
      ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"],
      ["ecdhe-ecdsa-aes256-gcm-sha384", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"],
      ["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"],
      ["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"],
      ["ECDHE-ECDSA-CHACHA20-POLY1305", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"],
    ].map(([name = "", cipher]) => [{ ciphers: [name] }, { maxVersion: "TLSv1.2" }, cipher] as const),
  ];
  for (const [settings, client, cipher] of rows) {
    const port = await serve(t, await load(settings));
    const name = `${JSON.stringify(settings)} and a client with ${JSON.stringify(client)}`;
    if (cipher === undefined) await t.rejects(shake(port, client), refusal, `${name}: refused`);
    else t.equal((await shake(port, client)).cipher, cipher, `${name}: ${cipher}`);
  }
  const port = await serve(t, await load({ certificate: `${made}/rsa.pem`, privateKey: `${made}/rsa.key` }));
  t.equal(
    (await shake(port, { maxVersion: "TLSv1.2", rejectUnauthorized: false })).cipher,
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "an RSA certificate has suites of its own",
  );
});

t.test("client certificates", async (t) => {
  const path = await files(t, { ca: stranger.certificate + authority.certificate });
  const pair = async (by: typeof authority, usage: "client" | "server") => {
    const issued = await issue(by, { hosts: [], usage, commonName: "telegraf" });
    return { cert: issued.chain, key: issued.privateKey };
  };
  const unknown = await pair(await createAuthority(), "client");
  const rows: readonly (readonly [auth: TlsSettings["clientAuth"], what: string, pair: object, answer?: string])[] = [
    ["required", "none", {}],
    ["required", "one of another CA", unknown],
    ["required", "one for servers", await pair(authority, "server")],
    ["required", "one of the second CA in the file", await pair(authority, "client"), "known"],
    ["required", "one of the first CA in the file", await pair(stranger, "client"), "known"],
    ["optional", "none", {}, "unknown"],
    ["optional", "one of another CA", unknown, "unknown"],
    ["optional", "a good one", await pair(authority, "client"), "known"],
    ["none", "a good one", await pair(authority, "client"), "unknown"],
  ];
  const ports = new Map<string, number>();
  for (const [clientAuth, what, client, answer] of rows) {
    const port = ports.get(clientAuth) ?? (await serve(t, await load({ clientAuth, clientCa: path("ca") })));
    ports.set(clientAuth, port);
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      const name = `client-auth ${clientAuth}, ${what}, ${maxVersion}`;
      if (answer === undefined) await t.rejects(shake(port, { ...client, maxVersion }), refusal, `${name}: refused`);
      else t.equal((await shake(port, { ...client, maxVersion })).answer, answer, `${name}: ${answer}`);
    }
  }
});

t.test("a key file that others may open", async (t) => {
  const directory = t.testdir({ both: good, chain: server.chain, key: server.privateKey });
  const load = async (mode: number, name: string, privateKey: string) => {
    await chmod(`${directory}/${name}`, mode);
    const { ok, problems } = await loadTls({
      ...defaults,
      certificate: `${directory}/${privateKey === "" ? name : "chain"}`,
      privateKey,
    });
    return { ok, texts: problems.map(formatProblem) };
  };
  for (const mode of [0o600, 0o400, 0o640, 0o440]) {
    t.strictSame(await load(mode, "both", ""), { ok: true, texts: [] }, `${mode.toString(8)} is fine`);
  }
  for (const mode of [0o644, 0o604, 0o602, 0o777]) {
    t.match(
      await load(mode, "both", ""),
      { ok: true, texts: [/^warning: http\.https-certificate: .* every user may open it: chmod 600 /] },
      `${mode.toString(8)} warns`,
    );
  }
  await chmod(`${directory}/chain`, 0o644);
  t.match(await load(0o644, "key", `${directory}/key`), { texts: [/^warning: http\.https-private-key: /] });
  t.strictSame(await load(0o600, "key", `${directory}/key`), { ok: true, texts: [] }, "a public chain is fine");
});

t.test("the forms that tools write", async (t) => {
  await run("openssl", ["ec", "-in", `${made}/server.pem`, "-out", `${made}/sec1`]);
  const traditional = await readFile(`${made}/sec1`, "utf8");
  const parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
  const forms: readonly (readonly [what: string, text: string])[] = [
    ["key first", server.privateKey + server.chain],
    ["CRLF", good.replaceAll("\n", "\r\n")],
    ["a byte order mark", `\ufeff${good}`],
    ["comments between", good.replaceAll("-----BEGIN", "subject=CN = x\nissuer=CN = y\n-----BEGIN")],
    ["no line end at the end", good.trimEnd()],
    ["EC PRIVATE KEY with its parameters", server.chain + parameters + traditional],
  ];
  for (const [what, text] of forms) {
    const directory = t.testdir({ pem: text });
    await chmod(`${directory}/pem`, 0o600);
    const loaded = await loadTls({ ...defaults, certificate: `${directory}/pem` });
    t.strictSame([loaded.ok, loaded.problems], [true, []], what);
  }
});
