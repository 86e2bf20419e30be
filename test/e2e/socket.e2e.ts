import { execFileSync, spawn } from "node:child_process";
import { request as httpsRequest } from "node:https";
import { join } from "node:path";
import t from "tap";
import { adminUser } from "../support/gateway.ts";
import { kapgateEntry, launch, listeningPort, liveBase, makeFolder } from "../support/process.ts";
import { freePort } from "./influxd.ts";

function missing(...programs: string[]): string | false {
  const absent = programs.find((program) => {
    try {
      execFileSync("sh", ["-c", `command -v ${program}`]);
      return false;
    } catch {
      return true;
    }
  });
  return absent === undefined ? false : `${absent} is not on PATH`;
}

t.test("systemd's own socket activation", { skip: missing("systemd-socket-activate") }, async (t) => {
  const folder = await makeFolder();
  await folder.write("kapgate.toml", liveBase.replace('"127.0.0.1:0"', '"fd:3"') + adminUser);
  const port = await freePort();
  const live = launch(["-l", `127.0.0.1:${port}`, process.execPath, kapgateEntry], {
    cwd: folder.path,
    command: "systemd-socket-activate",
  });
  t.teardown(async () => {
    live.child.kill("SIGKILL");
    await folder.remove();
  });
  while (!/Listening on/.test(live.stderr())) await new Promise((resolve) => setTimeout(resolve, 20));
  // The first connection starts the gateway and waits for it.
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const outgoing = httpsRequest(
      { port, host: "127.0.0.1", servername: "localhost", ca: folder.ca, path: "/kapacitor/v1/ping", agent: false },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      },
    );
    outgoing.once("error", reject);
    outgoing.end();
  });
  t.equal(status, 401, "it asks for credentials");
  t.match(await live.until(({ msg }) => msg === "listening"), { address: `127.0.0.1:${port}` });
  live.child.kill("SIGTERM");
  t.equal((await live.ended).code, 0);
});

/** A datagram socket, which the runtime has none of. Prints what comes. */
const receiver = `import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True:
    print(s.recv(4096).decode().replace("\\n", " "), flush=True)
`;

t.test("systemd's own systemd-notify", { skip: missing("systemd-notify", "python3") }, async (t) => {
  const folder = await makeFolder();
  await folder.write("kapgate.toml", liveBase + adminUser);
  const path = join(folder.path, "notify.sock");
  const manager = spawn("python3", ["-c", receiver, path], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  manager.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    said += chunk;
  });
  const saying = async (text: RegExp): Promise<void> => {
    while (!text.test(said)) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  await saying(/bound/);
  const live = launch([], { cwd: folder.path, env: { NOTIFY_SOCKET: path } });
  t.teardown(async () => {
    manager.kill("SIGKILL");
    live.child.kill("SIGKILL");
    await folder.remove();
  });
  await listeningPort(live);
  await saying(/READY=1 STATUS=serving on/);
  live.child.kill("SIGHUP");
  await saying(/RELOADING=1 MONOTONIC_USEC=\d+[\s\S]*READY=1/);
  live.child.kill("SIGTERM");
  await saying(/STOPPING=1/);
  t.equal((await live.ended).code, 0);
  const words = said.split("\n").map((line) => line.split("=", 1)[0]);
  t.strictSame(
    words.filter((word) => word === "READY" || word === "RELOADING" || word === "STOPPING"),
    ["READY", "RELOADING", "READY", "STOPPING"],
  );
});
