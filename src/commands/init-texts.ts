/** What `kapgate init` writes and prints. */

/** What the new configuration is made of. */
export interface NewConfiguration {
  readonly passwordHash: string;
  /** An origin, as in `[[kapacitor]] url`. */
  readonly upstream: string;
  readonly subscriptionPath: string;
}

/**
 * A configuration that serves at once. Kapacitor builds the URL that it gives to InfluxDB itself and cannot put a user into
 * it, so InfluxDB is let in by its address, which only the operator knows: the one line to fill in. Until then its writes are
 * refused.
 */
export function configurationText({ passwordHash, upstream, subscriptionPath }: NewConfiguration): string {
  return `# kapgate. \`kapgate config\` shows every key with its default, \`kapgate check\` tests this file.

[http]
  bind-address = ":9443"
  https-certificate = "certs/kapgate.pem"   # chain and key; \`kapgate cert\` renews it

[[user]]
  name = "admin"
  password-hash = ${JSON.stringify(passwordHash)}   # \`kapgate hash-password\` makes others
  role = "admin"

[[kapacitor]]
  name = "default"
  url = ${JSON.stringify(upstream)}
  subscription-path = ${JSON.stringify(subscriptionPath)}   # as in kapacitor.conf, [[influxdb]]

  # FILL IN: the addresses that InfluxDB connects from, for example ["192.0.2.10/32"]. Until then its writes get 401, and the
  # log names the client_address. InfluxDB on this machine: ["127.0.0.1/32", "::1/128"] and this machine's own address.
  subscription-allow-cidrs = []

[alerts]
  disable-handlers = ["exec","log"]   # neither commands nor files on Kapacitor's machine
`;
}

/** Where and how the gateway is reached, for the configuration of its peers. */
export interface PeerFacts {
  /** The configuration file. */
  readonly file: string;
  /** What clients call this machine: a DNS name or an address. */
  readonly host: string;
  readonly port: number;
  /** The CA certificate that clients have to trust; undefined when it is not one of kapgate's. */
  readonly authority: string | undefined;
  readonly upstream: string;
  readonly subscriptionPath: string;
}

/** The lines for everything that talks to the gateway, and how to start it. `PASSWORD` stands for the one printed before. */
export function peerLines(facts: PeerFacts): string {
  const { file, host, port, subscriptionPath } = facts;
  const authority = facts.authority ?? "/path/to/the/CA/of/your/certificate.pem";
  const address = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const path = subscriptionPath === "" ? "" : `\n  subscription-path = ${JSON.stringify(subscriptionPath)}`;
  return `Each of the following trusts ${authority}: copy it to the machines of InfluxDB, Chronograf,
Telegraf and the CLI and write its path there. PASSWORD stands for the admin's password.

--- Start
kapgate check -config ${shellWord(file)}
kapgate run -config ${shellWord(file)}

--- kapacitor.conf, then restart Kapacitor
[http]
${kapacitorListener(facts.upstream)}

[[influxdb]]                         # these lines into the section you have
  subscription-protocol = "https"
  kapacitor-hostname = ${JSON.stringify(host)}
  http-port = ${port}${path}
${
  subscriptionPath === ""
    ? ""
    : `
subscription-path needs Kapacitor 1.5.8 or later; before that leave it out here and in kapgate.toml. When only the path
changes, Kapacitor keeps its old subscriptions: SHOW SUBSCRIPTIONS in influx, DROP SUBSCRIPTION "NAME" ON "DB"."RP" for
each that names the old path, and restart Kapacitor.
`
}
--- influxdb.conf, then restart InfluxDB
[subscriber]
  ca-certs = ${JSON.stringify(authority)}     # and not insecure-skip-verify

--- Chronograf: Configuration, Add a Kapacitor Connection; started with SSL_CERT_FILE=${shellWord(authority)}
Kapacitor URL   https://${address}
Username        admin
Password        PASSWORD

--- telegraf.conf
[[outputs.influxdb]]                 # for points that go to Kapacitor directly
  urls = ["https://${address}"]
  skip_database_creation = true
  username = "admin"                 # or a user of its own
  password = "PASSWORD"
  tls_ca = ${JSON.stringify(authority)}
[[inputs.kapacitor]]                 # for Kapacitor's own statistics
  urls = ["https://admin:PASSWORD@${address}/kapacitor/v1/debug/vars"]
  tls_ca = ${JSON.stringify(authority)}

--- The kapacitor CLI
export SSL_CERT_FILE=${shellWord(authority)}
export KAPACITOR_URL=https://admin:PASSWORD@${address}
kapacitor list tasks
`;
}

function kapacitorListener(upstream: string): string {
  const { protocol, hostname, port } = new URL(upstream);
  const tls = protocol === "https:";
  const number = port === "" ? (tls ? "443" : "80") : port;
  const loopback = /^(localhost|127\.|\[::1\]$)/.test(hostname);
  const bind = loopback
    ? `  bind-address = "${hostname === "localhost" ? "127.0.0.1" : hostname}:${number}"    # reached through kapgate only`
    : `  bind-address = ":${number}"              # let a firewall admit kapgate only`;
  return `${bind}\n  https-enabled = ${tls}`;
}

/** A word that a POSIX shell reads as it is. */
function shellWord(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
