import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";

const root = join(import.meta.dirname, "..", "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

/** The values of a key in a unit, in order. */
function valuesOf(unit: string, key: string): readonly string[] {
  return [...unit.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map(([, value = ""]) => value);
}

function which(program: string): boolean {
  try {
    execFileSync("sh", ["-c", `command -v ${program}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

t.test("the service starts, reloads, stops and restarts as kapgate does", async (t) => {
  const unit = read("deploy/kapgate.service");
  t.strictSame(valuesOf(unit, "Type"), ["notify"]);
  t.strictSame(valuesOf(unit, "NotifyAccess"), ["all"], "systemd-notify is another process");
  t.strictSame(valuesOf(unit, "RestartPreventExitStatus"), ["1"], "a configuration that is wrong is not tried again");
  t.strictSame(valuesOf(unit, "Restart"), ["on-failure"]);
  t.strictSame(valuesOf(unit, "ExecReload"), ["/bin/kill -HUP $MAINPID"]);
  t.strictSame(valuesOf(unit, "EnvironmentFile"), ["-/etc/default/kapgate"]);
  const [start = ""] = valuesOf(unit, "ExecStart");
  t.match(start, /^\/usr\/local\/bin\/kapgate run -config \/etc\/kapgate\/kapgate\.toml \$KAPGATE_OPTS$/);
  t.not(valuesOf(unit, "User")[0], "root");
  const [stop = ""] = valuesOf(unit, "TimeoutStopSec");
  t.ok(Number.parseInt(stop, 10) > 10 + 5, "longer than shutdown-timeout");
  for (const key of ["NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices", "ProtectKernelTunables"]) {
    t.strictSame(valuesOf(unit, key), ["true"], key);
  }
  t.strictSame(valuesOf(unit, "ProtectSystem"), ["strict"]);
  t.strictSame(valuesOf(unit, "CapabilityBoundingSet"), [""]);
  t.strictSame(valuesOf(unit, "MemoryDenyWriteExecute"), [], "the engine compiles to memory");
  t.match(valuesOf(unit, "RestrictAddressFamilies")[0], "AF_NETLINK", "kapgate asks for the addresses of interfaces");
});

t.test("the socket passes one descriptor, which fd:3 takes", async (t) => {
  const unit = read("deploy/kapgate.socket");
  t.equal(valuesOf(unit, "ListenStream").length, 1);
  t.strictSame(valuesOf(unit, "Accept"), [], "connections are accepted by kapgate");
  t.match(unit, `bind-address = "fd:3"`);
  t.match(read("deploy/kapgate.service"), `bind-address = "fd:3"`);
});

const systemd = which("systemd-analyze");

t.test("systemd takes the units", { skip: systemd ? false : "no systemd-analyze" }, async (t) => {
  const folder = t.testdir({});
  const service = join(folder, "kapgate.service");
  const socket = join(folder, "kapgate.socket");
  // The program is not installed here.
  writeFileSync(service, read("deploy/kapgate.service").replace("/usr/local/bin/kapgate", "/bin/true"));
  writeFileSync(socket, read("deploy/kapgate.socket"));
  const verify = (...files: readonly string[]) =>
    execFileSync("sh", ["-c", `systemd-analyze verify --man=no "$@" 2>&1`, "sh", ...files], { encoding: "utf8" });
  const told = verify(service, socket)
    .split("\n")
    .filter((line) => line.includes("kapgate"));
  t.strictSame(told, [], "without a word");
  writeFileSync(
    service,
    read("deploy/kapgate.service")
      .replace("/usr/local/bin/kapgate", "/bin/true")
      .replace("NoNewPrivileges=true", "NoNewPrivilege=true"),
  );
  t.match(verify(service), /Unknown key (?:name )?'NoNewPrivilege'/, "a slip is noticed");
});

const logrotate = which("logrotate");

t.test("logrotate takes its snippet", { skip: logrotate ? false : "no logrotate" }, async (t) => {
  const folder = t.testdir({});
  const snippet = join(folder, "kapgate");
  mkdirSync(join(folder, "log"));
  // Neither that user nor that folder is there.
  writeFileSync(
    snippet,
    read("deploy/logrotate/kapgate")
      .replace(/^ {4}su .*\n/m, "")
      .replace("/var/log/kapgate", join(folder, "log")),
    { mode: 0o644 },
  );
  const told = execFileSync("sh", ["-c", `logrotate -d -s "$2" "$1" 2>&1`, "sh", snippet, join(folder, "state")], {
    encoding: "utf8",
  });
  t.match(told, "rotating pattern");
  t.notMatch(told, /error|unknown option/i);
  t.match(read("deploy/logrotate/kapgate"), "systemctl reload kapgate.service");
});

t.test("everything in deploy is in the package, and scripts can be run", async (t) => {
  const { files }: { files: readonly string[] } = JSON.parse(read("package.json"));
  t.ok(files.includes("deploy") && files.includes("docker-compose.yml"));
  t.ok(statSync(join(root, "deploy/compose/first-run.sh")).mode & 0o100);
});
