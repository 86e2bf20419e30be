import { connect, createServer } from "node:net";
import t from "tap";
import { adminUser, portOf } from "../support/gateway.ts";
import { type Folder, launch, listeningPort, liveBase, makeFolder } from "../support/process.ts";

t.test("starts", async (t) => {
  const folder: Folder = await makeFolder();
  t.teardown(() => folder.remove());
  await folder.write("kapgate.toml", liveBase + adminUser);

  t.test("in a pod beside a Kubernetes service called kapgate", async (t) => {
    const env = {
      KAPGATE_PORT: "tcp://10.0.0.1:9443",
      KAPGATE_SERVICE_HOST: "10.0.0.1",
      KAPGATE_SERVICE_PORT: "9443",
      KAPGATE_SERVICE_PORT_HTTPS: "9443",
      KAPGATE_PORT_9443_TCP: "tcp://10.0.0.1:9443",
      KAPGATE_PORT_9443_TCP_ADDR: "10.0.0.1",
      KAPGATE_PORT_9443_TCP_PORT: "9443",
      KAPGATE_PORT_9443_TCP_PROTO: "tcp",
      KAPACITOR_HTTP_BIND_ADDRESS: "this is not ours",
    };
    const live = launch([], { cwd: folder.path, env });
    t.teardown(() => live.child.kill("SIGKILL"));
    t.ok((await listeningPort(live)) > 0);
    live.child.kill("SIGTERM");
    t.equal((await live.ended).code, 0);
  });

  t.test("not with a variable that nobody knows", async (t) => {
    const ended = await launch([], { cwd: folder.path, env: { KAPGATE_HTTP_BIND_ADRESS: ":1" } }).ended;
    t.equal(ended.code, 1);
    t.match(ended.stderr.split("\n", 1)[0], /KAPGATE_HTTP_BIND_ADRESS.*KAPGATE_HTTP_BIND_ADDRESS/);
  });

  t.test("not on an address that is taken: 2, and a line that says so", async (t) => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.teardown(() => server.close());
    const ended = await launch(["-bind-address", `127.0.0.1:${portOf(server.address())}`], { cwd: folder.path }).ended;
    t.equal(ended.code, 2);
    t.match(ended.stderr, /could not start: .*EADDRINUSE/);
  });

  t.test("not with an unknown flag or command", async (t) => {
    for (const args of [["-frob"], ["run", "-frob"], ["frob"], ["run", "extra"], ["check", "extra"]]) {
      const ended = await launch(args, { cwd: folder.path }).ended;
      t.equal(ended.code, 1, args.join(" "));
      t.match(ended.stderr, /kapgate.*frob|extra/);
      t.equal(ended.stdout, "");
    }
  });

  t.test("check, health, pidfile and a plain HTTP client on the TLS port", async (t) => {
    t.equal((await launch(["check"], { cwd: folder.path }).ended).code, 0);
    t.equal(
      (await launch(["check", "--strict"], { cwd: folder.path }).ended).code,
      1,
      "an empty disable-handlers warns",
    );
    t.equal((await launch(["health"], { cwd: folder.path }).ended).code, 2, "nobody is there");
    const adminPort = await freePort();
    await folder.write(
      "other.toml",
      liveBase.replace('[admin]\nbind-address = "127.0.0.1:0"', `[admin]\nbind-address = "127.0.0.1:${adminPort}"`) +
        adminUser,
    );
    const live = launch(["-config", "other.toml", "-pidfile", "kapgate.pid"], { cwd: folder.path });
    t.teardown(() => live.child.kill("SIGKILL"));
    const port = await listeningPort(live);
    t.equal((await launch(["health", "-config", "other.toml"], { cwd: folder.path }).ended).code, 0);
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write("POST /write?db=d HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    const record = await live.until((entry) => entry.reason === "tls_plain_http");
    t.match(record.msg, /subscription-protocol = "https"/);
    live.child.kill("SIGINT");
    t.equal((await live.ended).code, 0);
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const port = portOf(server.address());
  await new Promise((resolve) => server.close(resolve));
  return port;
}
