/** Who can log in, and whether a user is complete. */
import { isLoopback } from "./check-addresses.ts";
import type { Config } from "./schema.ts";
import type { Secret } from "./secret.ts";
import type { CheckFinding, Path } from "./tree.ts";

export function checkUsers(config: Config, serving: boolean): readonly CheckFinding[] {
  const instances = config.kapacitor.map(({ name }) => name);
  return [
    ...somebody(config, serving),
    ...singleUser(config.http, serving),
    ...duplicates(config),
    ...influxUsers(config),
    ...everywhere(config),
    ...config.user.flatMap((user, index) => [...complete(user, ["user", index], instances, serving)]),
  ];
}

function* somebody({ http, user, influxdb }: Config, serving: boolean): Generator<CheckFinding> {
  const anybody = http.username !== "" || user.length > 0 || http["htpasswd-file"] !== "" || influxdb.users;
  if (!serving || !http["auth-enabled"] || anybody) return;
  yield {
    severity: "error",
    path: ["http", "auth-enabled"],
    text: `nobody could log in: there is no [[user]], no http.username and no http.htpasswd-file; "kapgate init" makes a user, a certificate and a configuration`,
    involves: [["user"], ["http", "username"], ["http", "htpasswd-file"], ["influxdb", "users"]],
  };
}

function* singleUser(http: Config["http"], serving: boolean): Generator<CheckFinding> {
  const { username, password, "password-file": file } = http;
  const given = password !== undefined || file !== "";
  const path: Path = ["http", "password"];
  const involves: readonly Path[] = [
    ["http", "username"],
    ["http", "password-file"],
  ];
  if (username !== "" && !given && serving) {
    yield {
      severity: "error",
      path: ["http", "username"],
      text: "has no password: set http.password or http.password-file",
      involves: [path, ...involves],
    };
  }
  if (username === "" && given) {
    yield {
      severity: "error",
      path: file === "" ? path : ["http", "password-file"],
      text: "has no user: set http.username",
      involves: [path, ...involves],
    };
  }
  if (password === undefined) return;
  const where: Path = file === "" ? path : ["http", "password-file"];
  if (isMangled(password, /^\$+2[aby]/)) yield { severity: "error", path: where, text: mangled };
  else if (file === "" && !/^(?:\$(?:2[aby]|apr1|argon2|scrypt)|\{)/.test(password.reveal())) {
    yield { severity: "warning", path, text: "is plain text; `kapgate hash-password` makes a hash of it" };
  }
}

function* duplicates({ http, user }: Config): Generator<CheckFinding> {
  const seen = new Map<string, string>();
  if (http.username !== "") seen.set(http.username, "http.username");
  for (const [index, { name }] of user.entries()) {
    const other = seen.get(name);
    if (other !== undefined) {
      yield {
        severity: "error",
        path: ["user", index, "name"],
        text: `is the same user as ${other}`,
        involves: [["http", "username"]],
      };
    } else seen.set(name, `user[${index}]`);
  }
}

/** What asking InfluxDB about logins takes. */
function* influxUsers({ influxdb }: Config): Generator<CheckFinding> {
  if (!influxdb.users) return;
  const path: Path = ["influxdb", "users"];
  const url: Path = ["influxdb", "url"];
  const username: Path = ["influxdb", "username"];
  if (influxdb.url === "") yield { severity: "error", path, text: "needs influxdb.url", involves: [url] };
  else if (influxdb.username === "") {
    const text = "needs influxdb.username, an administrator of InfluxDB: nobody else may list users and grants";
    yield { severity: "error", path, text, involves: [username] };
  }
  if (influxdb.url === "" || isPrivateLine(influxdb.url)) return;
  yield { severity: "warning", path: url, text: "is plain HTTP: logins go to InfluxDB in the clear", involves: [path] };
}

function isPrivateLine(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === "https:" || isLoopback(hostname.replace(/^\[|\]$/g, ""));
}

/** Users who come from elsewhere have no list of instances. */
function* everywhere({ http, influxdb, kapacitor }: Config): Generator<CheckFinding> {
  if (kapacitor.length < 2) return;
  if (http["htpasswd-file"] !== "" && http["htpasswd-role"] !== "admin") {
    const text = "holds users of every instance; where teams are to be kept apart, use [[user]] with instances";
    yield { severity: "warning", path: ["http", "htpasswd-file"], text, involves: [["kapacitor"]] };
  }
  if (influxdb.users) {
    const text =
      "lets InfluxDB's users into every instance; where teams are to be kept apart, use [[user]] with instances";
    yield { severity: "warning", path: ["influxdb", "users"], text, involves: [["kapacitor"]] };
  }
}

function* complete(
  user: Config["user"][number],
  path: Path,
  instances: readonly string[],
  serving: boolean,
): Generator<CheckFinding> {
  const hash = user["password-hash"];
  const secrets: readonly Path[] = ["password-hash", "password-file", "certificate"].map((key) => [...path, key]);
  if (serving && hash === undefined && user["password-file"] === "" && user.certificate === "") {
    yield {
      severity: "error",
      path: [...path, "password-hash"],
      text: "is missing, so the user cannot log in: set password-hash (`kapgate hash-password` makes one), password-file or certificate",
      involves: secrets,
    };
  }
  if (hash !== undefined && isMangled(hash, /^\$*2[aby]/)) {
    yield {
      severity: "error",
      path: [...path, user["password-file"] === "" ? "password-hash" : "password-file"],
      text: mangled,
    };
  }
  for (const [index, name] of user.instances.entries()) {
    if (!instances.includes(name)) {
      yield {
        severity: "error",
        path: [...path, "instances", index],
        text: `there is no [[kapacitor]] of this name; there are ${instances.join(", ")}`,
        involves: [["kapacitor"]],
      };
    }
  }
  if (user.role !== "admin" && user.instances.length === 0 && instances.length > 1) {
    yield {
      severity: "error",
      path: [...path, "instances"],
      text: `has to say which of the instances this user may use: ${instances.join(", ")}`,
      involves: [[...path, "role"], ["kapacitor"]],
    };
  }
  if (user.databases.length > 0 && (user.role === "admin" || user.role === "viewer")) {
    yield {
      severity: "error",
      path: [...path, "databases"],
      text: `limits editors and writers; to the role ${user.role} it means nothing`,
      involves: [[...path, "role"]],
    };
  }
}

const mangled =
  "is a bcrypt hash with parts missing: a shell or compose took $ for the start of a variable; compose wants every $ written as $$, a shell wants single quotes";

/** Whether it was a bcrypt hash once. What else may be wrong with a hash is judged where hashes are verified. */
function isMangled(secret: Secret, start: RegExp): boolean {
  const text = secret.reveal();
  return start.test(text) && !/^\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}$/.test(text);
}
