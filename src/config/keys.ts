/** Every key of the configuration file with its type, default and documentation, under the names of the contract. */
import {
  bindAddress,
  choice,
  cidr,
  count,
  duration,
  flag,
  list,
  optionalBindAddress,
  override,
  path,
  readText,
  requiredChoice,
  requiredText,
  secret,
  size,
  text,
} from "./fields.ts";
import {
  acceptedObject,
  cipherName,
  handlerName,
  headerName,
  loginName,
  orNone,
  plainName,
  realm,
  targetRange,
} from "./items.ts";
import { readHost, readOrigin, readSubscriptionPath, readTarget } from "./values.ts";

export const http = {
  "bind-address": bindAddress(
    ":9443",
    "Where clients connect: host:port, [::1]:port, :port (all interfaces), or fd:3 for a socket that systemd passes.",
  ),
  "https-enabled": flag(true, "Serve HTTPS. Without it passwords travel in the clear."),
  "https-certificate": path(
    "certs/kapgate.pem",
    "PEM file with the certificate and its chain; it may hold the private key as well.",
  ),
  "https-private-key": path("", "PEM file with the private key. Empty: the certificate file."),
  "auth-enabled": flag(
    true,
    "Ask for credentials. When false everybody is the principal anonymous, an admin; CIDR rules and the handler policy still hold.",
  ),
  username: readText(loginName, "text", "", "A single user, an admin, in place of [[user]] entries."),
  password: secret("The password of that user: a hash from `kapgate hash-password`, or plain text, which warns."),
  "password-file": path("", "File that holds the password or its hash, in place of password."),
  "htpasswd-file": path(
    "",
    "Users from a file of Apache's htpasswd: bcrypt; $apr1$ and {SHA} are read with a warning.",
  ),
  "htpasswd-role": choice(
    ["admin", "editor", "viewer", "writer"],
    "viewer",
    "The role of every user of htpasswd-file.",
  ),
  "query-credentials": choice(
    ["none", "writes", "all"],
    "writes",
    "Where the query parameters u and p are taken as credentials.",
  ),
  realm: readText(realm, "text", "kapacitor", "The realm that browsers and clients show when they ask for a password."),
  "log-enabled": flag(true, "Write the access log."),
  "suppress-write-log": flag(false, "Leave writes out of the access log."),
  "max-body-size": size("25MB", "The largest body of a request that is inspected."),
  "write-max-body-size": size("250MB", "The largest body of a write, in bytes on the wire."),
  "max-connections": count(4096, 1, "Connections at a time; when it is reached idle ones are closed first."),
  "max-connections-per-address": count(
    0,
    0,
    "Connections at a time from one remote address; 0 sets no limit per address.",
  ),
  "handshake-timeout": duration("10s", "How long a TLS handshake may take."),
  "header-timeout": duration("10s", "How long the headers of a request may take."),
  "body-timeout": duration("30s", "How long a request body may pause between bytes."),
  "idle-timeout": duration(
    "10m",
    "How long a connection may idle between requests. InfluxDB keeps its connections open and does not retry: not below 10m.",
  ),
  "shutdown-delay": duration("0s", "When stopping: how long readiness fails before the listener closes.", "zero"),
  "shutdown-timeout": duration("10s", "When stopping: how long running requests may take to finish.", "zero"),
};

export const tls = {
  "min-version": choice(["tls1.2", "tls1.3"], "tls1.2", "The oldest TLS version that is spoken."),
  "max-version": choice(
    ["", "tls1.2", "tls1.3"],
    "",
    "The newest TLS version that is spoken. Empty: the newest there is.",
  ),
  ciphers: list(
    cipherName,
    "cipher names",
    "Cipher suites by their Go or OpenSSL names. Empty: Mozilla's intermediate list without CBC.",
  ),
  "client-ca": path("", "PEM file with the authorities that client certificates are verified against."),
  "client-auth": choice(
    ["none", "optional", "required"],
    "none",
    "Whether clients are asked for a certificate: required refuses those without one that client-ca has signed, optional lets them log in otherwise.",
  ),
};

export const user = {
  name: requiredText(loginName, "chronograf", "The name to log in with."),
  "password-hash": secret(
    "A hash from `kapgate hash-password`: bcrypt ($2a, $2b, $2y), or scrypt or argon2id in PHC form.",
  ),
  "password-file": path("", "File that holds the password or its hash, in place of password-hash."),
  certificate: text(
    "",
    `The client certificate that is this user, without a password: "CN=telegraf", or one of its subject alternative names, bare or behind its kind: "DNS:telegraf.example.com". Signed by tls.client-ca.`,
  ),
  role: requiredChoice(["admin", "editor", "viewer", "writer"], "admin", "What the user may do."),
  instances: list(
    plainName,
    "instance names",
    "The Kapacitors that the user may use. Empty: all; with several instances only an admin may leave it empty.",
  ),
  databases: list(plainName, "database names", "For editor and writer: the databases that may be written. Empty: all."),
};

export const access = {
  "deny-cidrs": list(cidr, "CIDRs", "Clients from these ranges are refused before anything else."),
  "allow-cidrs": list(cidr, "CIDRs", "When not empty, only clients from these ranges are let in."),
  "trusted-proxies": list(cidr, "CIDRs", "Peers whose X-Forwarded-For is believed."),
};

export const alerts = {
  "disable-handlers": list(
    handlerName,
    "handler names",
    "Alert handlers that nobody may define, in any spelling: topic kind, TICKscript method or section of kapacitor.conf.",
  ),
  "deny-target-cidrs": list(
    targetRange,
    `CIDRs or "private"`,
    `Ranges that no alert may be sent to. "private" stands for loopback, link-local and private networks.`,
  ),
  "allow-targets": list(
    readTarget,
    "host:port",
    "Exceptions from deny-target-cidrs and from the protection of Kapacitor and the gateway themselves.",
  ),
  "own-addresses": list(
    readHost,
    "hosts",
    "More names and addresses of Kapacitor and of the gateway, which alerts must not reach.",
  ),
  udfs: list(plainName, "names", "When not empty, only these user-defined functions may be used."),
  "allow-flux-tasks": flag(false, "Allow Flux tasks although a handler is disabled. Flux is not inspected."),
  accepted: list(
    acceptedObject,
    "kind:name",
    "Stored objects that are known to the operator and no finding of `kapgate audit`, for example task:cleanup or handler:ops/restart.",
  ),
  mode: choice(
    ["enforce", "report"],
    "enforce",
    "Whether the handler and target rules refuse, or only log what they would refuse.",
  ),
};

const replaces = (key: keyof typeof alerts) => `Replaces alerts.${key} for this instance.`;

export const kapacitor = {
  name: text("default", "The name of the instance in logs, metrics and users' instances."),
  url: readText(
    readOrigin,
    "URL",
    "http://127.0.0.1:9092",
    "Where this Kapacitor listens: http or https, host and port.",
  ),
  "ssl-ca": path("", "PEM file with the authority of Kapacitor's certificate. Empty: the system's."),
  "insecure-skip-verify": flag(false, "Do not verify Kapacitor's certificate."),
  username: readText(loginName, "text", "", "Sent to Kapacitor in place of the client's credentials."),
  password: secret("The password that belongs to username."),
  "principal-header": readText(
    orNone(headerName),
    "header name",
    "",
    "Header that tells Kapacitor the name of the principal, percent-encoded but for visible ASCII. A client's own header of that name is dropped. Of headers, Kapacitor's log shows User-Agent and Referer.",
  ),
  hosts: list(
    readHost,
    "host names",
    "Host names that select this instance. Empty: it serves what nothing else selects.",
  ),
  "subscription-path": readText(
    readSubscriptionPath,
    "path of a URL",
    "",
    `The path that InfluxDB writes to, as in Kapacitor's [[influxdb]] section: "/path/behind/reverse-proxy".`,
  ),
  "subscription-allow-cidrs": list(cidr, "CIDRs", "Writers that are admitted there without credentials."),
  "group-commit": flag(true, "Send small writes that wait at the same time as one."),
  "write-hold": duration(
    "10s",
    "How long a write waits for a Kapacitor that does not accept connections; 0s refuses at once.",
    "zero",
  ),
  "write-timeout": duration("20s", "How long a write may take as a whole. InfluxDB gives up after 30s."),
  "connect-timeout": duration("2s", "How long connecting to Kapacitor may take."),
  timeout: duration(
    "30s",
    "How long Kapacitor may take to begin an answer. Streams (logs, profiles, backups, recordings, replays, service tests) have no limit.",
  ),
  "disable-handlers": override(alerts["disable-handlers"], replaces("disable-handlers")),
  "deny-target-cidrs": override(alerts["deny-target-cidrs"], replaces("deny-target-cidrs")),
  "allow-targets": override(alerts["allow-targets"], replaces("allow-targets")),
  "own-addresses": override(alerts["own-addresses"], replaces("own-addresses")),
  udfs: override(alerts.udfs, replaces("udfs")),
  "allow-flux-tasks": override(alerts["allow-flux-tasks"], replaces("allow-flux-tasks")),
  accepted: override(alerts.accepted, replaces("accepted")),
  mode: override(alerts.mode, replaces("mode")),
};

const guard = (doc: string) => choice(["allow", "admin", "deny"], "admin", doc);

export const api = {
  backup: guard("Downloading the whole of Kapacitor's storage, which holds secrets."),
  config: guard("Reading and changing configuration overrides."),
  loglevel: guard("Changing Kapacitor's log level."),
  pprof: guard("Profiles of the process."),
  "service-tests": guard("Tests that send an alert on demand."),
  "flux-tasks": guard("The Flux task API."),
};

export const influxdb = {
  url: readText(
    orNone(readOrigin),
    "URL",
    "",
    "An InfluxDB 1.x, asked for subscriptions and users: http or https, host and port. Empty: none.",
  ),
  username: readText(
    loginName,
    "text",
    "",
    "An administrator of InfluxDB: nobody else may list subscriptions, users and grants.",
  ),
  password: secret("The password that belongs to username."),
  "password-file": path("", "File that holds the password, in place of password."),
  "ssl-ca": path("", "PEM file with the authority of InfluxDB's certificate. Empty: the system's."),
  "insecure-skip-verify": flag(false, "Do not verify InfluxDB's certificate."),
  "subscription-poll": duration("30s", "How often InfluxDB is asked for its subscriptions."),
  users: flag(
    false,
    "Let InfluxDB's users log in: administrators as admin, others as what their grants say, a writer of the databases they may write, a viewer if they may read.",
  ),
  "cache-expiration": duration(
    "10m",
    "How long an answer about a user stays valid while InfluxDB cannot be asked. While it can, users that are in use are asked about again every 30s, or as often as this.",
    "zero",
  ),
};

export const admin = {
  "bind-address": optionalBindAddress(
    "127.0.0.1:9444",
    "Where metrics, health and status are served, over plain HTTP. Empty: nowhere.",
  ),
  "allow-cidrs": list(cidr, "CIDRs", "When not empty, only clients from these ranges are answered there."),
  "status-enabled": flag(true, "Serve /-/status."),
};

export const logging = {
  file: path("STDERR", "Where the log goes: STDERR, STDOUT or a file.", ["STDERR", "STDOUT"]),
  "audit-file": path(
    "",
    "Where changes are logged to as well, whatever level: STDERR, STDOUT or a file. Empty: nowhere.",
    ["STDERR", "STDOUT"],
  ),
  level: choice(["DEBUG", "INFO", "WARN", "ERROR"], "INFO", "The least severe entries that are logged."),
  format: choice(["json", "logfmt"], "json", "The form of a log entry."),
};
