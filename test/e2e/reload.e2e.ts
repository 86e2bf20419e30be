import { X509Certificate } from "node:crypto";
import { rename, writeFile } from "node:fs/promises";
import { request as httpsRequest } from "node:https";
import { join } from "node:path";
import t from "tap";
import { Client } from "undici";
import { createAuthority, issue } from "../../src/certificates/authority.ts";
import { startStandin } from "../../src/standin/server.ts";
import { admin, adminUser, basic } from "../support/gateway.ts";
import { type Folder, launch, listeningPort, liveBase, makeFolder } from "../support/process.ts";
import { openTls } from "../support/raw.ts";
import { inOrder, numbersOf, startWriters } from "../support/writers.ts";

const rotations = 50;
const task = {
  type: "stream",
  dbrps: [{ db: "d", rp: "r" }],
  script: "stream|from()|alert().exec('/bin/true')",
};

/** Replaces a file at once, as everything that rotates secrets does. */
async function replace(folder: Folder, name: string, text: string): Promise<void> {
  await writeFile(join(folder.path, `${name}.new`), text, { mode: 0o600 });
  await rename(join(folder.path, `${name}.new`), join(folder.path, name));
}

async function serialOf(port: number, ca: string): Promise<string> {
  const socket = await openTls(port, ca);
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}

/** Asks on and on, each time on a connection of its own, and counts what was not answered as expected. */
function askOnAndOn(port: number, ca: string) {
  let stopping = false;
  let count = 0;
  const failures: string[] = [];
  const ask = (): Promise<string> =>
    new Promise((resolve) => {
      const outgoing = httpsRequest(
        {
          ...{ port, ca, host: "127.0.0.1", servername: "localhost", path: "/kapacitor/v1/ping", agent: false },
          headers: { authorization: basic(admin) },
        },
        (answer) => answer.resume().once("end", () => resolve(String(answer.statusCode))),
      );
      outgoing.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      outgoing.end();
    });
  const done = (async () => {
    while (!stopping) {
      const outcome = await ask();
      count += 1;
      if (outcome !== "204") failures.push(outcome);
    }
  })();
  return {
    stop: async () => {
      stopping = true;
      await done;
      return { count, failures };
    },
  };
}

t.test(`a certificate that is rotated ${rotations} times under load costs no request`, async (t) => {
  const folder = await makeFolder();
  const standin = await startStandin({ requestLimit: 10, pointLimit: 1_000_000 });
  const authority = await createAuthority();
  const ca = authority.certificate;
  const make = () => issue(authority, { hosts: ["localhost", "127.0.0.1"] });
  const first = await make();
  await folder.write("kapgate.pem", first.chain + first.privateKey);
  const base = `${liveBase.replace("[admin]", "log-enabled = false\n[admin]")}${adminUser}[[kapacitor]]\nurl = "${standin.url}"\n`;
  const configure = (disabled: string) =>
    folder.write("kapgate.toml", `${base}[alerts]\ndisable-handlers = [${disabled}]\n`);
  await configure("");
  const live = launch([], { cwd: folder.path });
  t.teardown(async () => {
    live.child.kill("SIGKILL");
    await standin.close();
    await folder.remove();
  });
  const port = await listeningPort(live);
  const writers = startWriters({ port, ca, count: 8 });
  const askers = Array.from({ length: 3 }, () => askOnAndOn(port, ca));
  const definer = new Client(`https://127.0.0.1:${port}`, { connect: { ca } });
  t.teardown(() => definer.destroy());
  let defined = 0;
  const define = async (): Promise<number> => {
    const headers = { authorization: basic(admin) };
    defined += 1;
    const body = JSON.stringify({ ...task, id: `task${defined}` });
    const answer = await definer.request({ method: "POST", path: "/kapacitor/v1/tasks", headers, body });
    await answer.body.dump();
    return answer.statusCode;
  };

  const judged = new Set<number>();
  for (let turn = 1; turn <= rotations; turn += 1) {
    const next = await make();
    const whole = next.chain + next.privateKey;
    if (turn % 10 === 0) {
      // Somebody writes the file in place, slowly.
      await writeFile(join(folder.path, "kapgate.pem"), whole.slice(0, 200));
      await live.until(({ text }) => /is it being written\?/.test(String(text)));
    }
    await replace(folder, "kapgate.pem", whole);
    const disabled = turn % 4 === 1 ? '"exec"' : "";
    const signalled = turn % 2 === 1;
    if (signalled) {
      // With the signal the policy changes as well, under the requests that are being judged.
      await configure(disabled);
      live.child.kill("SIGHUP");
    }
    const { serialNumber } = new X509Certificate(next.certificate);
    while ((await serialOf(port, ca)) !== serialNumber) judged.add(await define());
    if (signalled) t.equal(await define(), disabled === "" ? 200 : 403, "the policy came with the certificate");
  }
  const asked = await Promise.all(askers.map((asker) => asker.stop()));
  const written = await writers.stop();
  t.strictSame(written.failures, []);
  t.strictSame(
    asked.flatMap(({ failures }) => failures),
    [],
  );
  t.ok([...judged].every((status) => status === 200 || status === 403));
  t.strictSame(numbersOf(standin.points), inOrder(written.accepted));
  const handshakes = asked.reduce((sum, { count }) => sum + count, 0);
  t.comment(
    `${rotations} rotations, ${written.accepted.length} writes, ${defined} definitions, ${handshakes} requests with a handshake each`,
  );
  live.child.kill("SIGTERM");
  t.equal((await live.ended).code, 0);
});

t.test("a password that changes in its file is refused within a second, on connections that are open", async (t) => {
  const folder = await makeFolder();
  const standin = await startStandin();
  await folder.write("secret", "password0");
  const user = `[[user]]\nname = "telegraf"\nrole = "admin"\npassword-file = "secret"\n`;
  await folder.write("kapgate.toml", `${liveBase}${user}[[kapacitor]]\nurl = "${standin.url}"\n`);
  const live = launch([], { cwd: folder.path });
  t.teardown(async () => {
    live.child.kill("SIGKILL");
    await standin.close();
    await folder.remove();
  });
  const port = await listeningPort(live);
  const clients = Array.from(
    { length: 4 },
    () => new Client(`https://127.0.0.1:${port}`, { connect: { ca: folder.ca } }),
  );
  let handshakes = 0;
  for (const client of clients) client.on("connect", () => (handshakes += 1));
  t.teardown(() => Promise.all(clients.map((client) => client.destroy())));
  const slowest: number[] = [];
  for (const turn of [1, 2, 3, 4, 5]) {
    const headers = { authorization: basic(`telegraf:password${turn - 1}`) };
    const write = async (client: Client): Promise<number> => {
      const answer = await client.request({ method: "POST", path: "/write?db=d", headers, body: "m v=1" });
      await answer.body.dump();
      return answer.statusCode;
    };
    t.strictSame(await Promise.all(clients.map(write)), [204, 204, 204, 204]);
    await replace(folder, "secret", `password${turn}\n`);
    const changedAt = performance.now();
    const times = clients.map(async (client) => {
      while ((await write(client)) === 204);
      return performance.now() - changedAt;
    });
    slowest.push(Math.max(...(await Promise.all(times))));
  }
  t.equal(handshakes, clients.length);
  t.ok(Math.max(...slowest) < 1000, `refused after ${slowest.map(Math.round).join(", ")} ms`);
});
