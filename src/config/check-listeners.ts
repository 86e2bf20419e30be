/** The two listeners: TLS, and what stands open on them. */
import { statSync } from "node:fs";
import { isLoopback } from "./check-addresses.ts";
import type { Config } from "./schema.ts";
import type { CheckFinding, Path } from "./tree.ts";
import type { BindAddress } from "./values.ts";

export function checkListeners(config: Config, serving: boolean): readonly CheckFinding[] {
  return [
    ...(serving && config.http["https-enabled"] ? files(config.http) : []),
    ...tlsSettings(config),
    ...exposure(config.http),
    ...samePort(config),
    ...loop(config),
  ];
}

/** Only whether the files are there; the TLS module judges what is in them. */
function* files(http: Config["http"]): Generator<CheckFinding> {
  const init = `"kapgate init" makes a certificate, a user and a configuration`;
  const keys = ["https-certificate", "https-private-key"] as const;
  for (const key of keys) {
    if (key === "https-private-key" && http[key] === http["https-certificate"]) continue;
    if (http[key] === "") yield { severity: "error", path: ["http", key], text: `is empty; ${init}` };
    else if (isMissing(http[key]))
      yield { severity: "error", path: ["http", key], text: `there is no file ${http[key]}; ${init}` };
  }
}

function isMissing(path: string): boolean {
  try {
    return !statSync(path).isFile();
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "EACCES");
  }
}

function* tlsSettings({ tls, user, http }: Config): Generator<CheckFinding> {
  const max: Path = ["tls", "max-version"];
  if (tls["max-version"] !== "" && tls["max-version"] < tls["min-version"]) {
    yield { severity: "error", path: max, text: `is older than min-version`, involves: [["tls", "min-version"]] };
  }
  const auth: Path = ["tls", "client-auth"];
  const ca: Path = ["tls", "client-ca"];
  if (tls["client-auth"] !== "none" && tls["client-ca"] === "") {
    yield {
      severity: "error",
      path: auth,
      text: "needs client-ca, the authority that client certificates are verified against",
      involves: [ca],
    };
  }
  if (tls["client-auth"] !== "none" && !http["https-enabled"]) {
    const text = "needs http.https-enabled: without HTTPS nobody shows a certificate";
    yield { severity: "error", path: auth, text, involves: [["http", "https-enabled"]] };
  }
  if (tls["client-auth"] === "none" && tls["client-ca"] !== "") {
    yield { severity: "error", path: ca, text: `is not used while client-auth is "none"`, involves: [auth] };
  }
  for (const [index, { certificate }] of user.entries()) {
    if (certificate !== "" && tls["client-auth"] === "none") {
      yield {
        severity: "error",
        path: ["user", index, "certificate"],
        text: `needs tls.client-auth "optional" or "required"`,
        involves: [auth],
      };
    }
  }
}

function* exposure(http: Config["http"]): Generator<CheckFinding> {
  const address = http["bind-address"];
  if ("host" in address && isLoopback(address.host)) return;
  const involves: readonly Path[] = [["http", "bind-address"]];
  if (!http["auth-enabled"]) {
    const text = "is false on an address that others can reach: whoever connects is an admin";
    yield { severity: "warning", path: ["http", "auth-enabled"], text, involves };
  } else if (!http["https-enabled"]) {
    const text = "is false on an address that others can reach: passwords travel in the clear";
    yield { severity: "warning", path: ["http", "https-enabled"], text, involves };
  }
}

function* samePort({ http, admin }: Config): Generator<CheckFinding> {
  const other = admin["bind-address"];
  if (other === undefined || !collide(http["bind-address"], other)) return;
  const text = "is the address of http.bind-address as well";
  yield { severity: "error", path: ["admin", "bind-address"], text, involves: [["http", "bind-address"]] };
}

function collide(left: BindAddress, right: BindAddress): boolean {
  if ("fd" in left || "fd" in right) return "fd" in left && "fd" in right && left.fd === right.fd;
  return (
    left.port === right.port && left.port !== 0 && (left.host === right.host || isAny(left.host) || isAny(right.host))
  );
}

function isAny(host: string): boolean {
  return host === "" || host === "0.0.0.0" || host === "::";
}

/** An upstream that is the gateway itself. */
function* loop({ http, kapacitor }: Config): Generator<CheckFinding> {
  const own = http["bind-address"];
  if ("fd" in own || own.port === 0) return;
  for (const [index, { url }] of kapacitor.entries()) {
    const { hostname, port, protocol } = new URL(url);
    const host = hostname.replace(/^\[|\]$/g, "");
    const samePort = Number(port || (protocol === "https:" ? 443 : 80)) === own.port;
    if (samePort && (host === own.host || (isLoopback(host) && (isAny(own.host) || isLoopback(own.host))))) {
      const text = "is the gateway's own listener: it would call itself";
      yield { severity: "error", path: ["kapacitor", index, "url"], text, involves: [["http", "bind-address"]] };
    }
  }
}
