/** Commands and configuration lines for the fixes, complete enough to be pasted. A line that begins with # says where the next ones go. */
import { dirname } from "node:path";
import { quoteIdentifier } from "../influxdb/client.ts";
import type { Facts, Subscription } from "./facts.ts";
import { reload, restart } from "./services.ts";

/** A word that a POSIX shell reads as it is. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** `-config FILE`, where there is one. */
export function configFlag({ file }: Pick<Facts, "file">): string {
  return file === undefined ? "" : ` -config ${shellWord(file)}`;
}

/** Lines of kapacitor.conf in the section that tells InfluxDB where to write, and the restart that makes Kapacitor read them. */
export function kapacitorLines(facts: Facts, cluster: string, ...lines: readonly string[]): readonly string[] {
  return [
    `# kapacitor.conf, the [[influxdb]] with name = ${JSON.stringify(cluster)}:`,
    ...lines,
    restart(facts, "kapacitor"),
  ];
}

/** Lines of the gateway's configuration. */
export function gatewayLines(facts: Facts, section: string, ...lines: readonly string[]): readonly string[] {
  return [
    `# ${facts.file ?? "kapgate.toml"}, ${section}:`,
    ...lines,
    `kapgate check${configFlag(facts)}`,
    reload(facts),
  ];
}

/** Statements for an administrator of InfluxDB, as commands. The password is asked for, or is in INFLUX_PASSWORD. */
export function influxCommands(facts: Facts, statements: readonly string[]): readonly string[] {
  const { url, username } = facts.config.influxdb;
  const { protocol, hostname, port } = new URL(url === "" ? "http://127.0.0.1:8086" : url);
  const host = hostname.replace(/^\[|\]$/g, "");
  const number = port === "" ? (protocol === "https:" ? "443" : "80") : port;
  const login = username === "" ? "" : ` -username ${shellWord(username)}`;
  const start = `influx -host ${host} -port ${number}${protocol === "https:" ? " -ssl" : ""}${login} -execute`;
  return statements.map((statement) => `${start} ${shellWord(statement)}`);
}

export function dropStatement({ name, db, rp }: Pick<Subscription, "name" | "db" | "rp">): string {
  return `DROP SUBSCRIPTION ${quoteIdentifier(name)} ON ${quoteIdentifier(db)}.${quoteIdentifier(rp)}`;
}

/** A certificate with more names: renewed under kapgate's own CA, or asked of another. */
export function certificateCommands(facts: Facts, hosts: readonly string[]): readonly string[] {
  const { certificate, authorityFile, config } = facts;
  const names = [...new Set([...(certificate?.names ?? []), ...hosts])].filter((name) => !local.has(name));
  if (authorityFile === undefined) {
    return [
      ...(facts.surroundings === "compose"
        ? [`# kapgate's own compose stack: deploy/compose/first-run.sh ${names.join(",")}; with another CA:`]
        : []),
      `# have your CA issue a certificate with these names: ${names.join(", ")}`,
      `# put it into ${config.http["https-certificate"]}`,
      reload(facts),
    ];
  }
  return [
    `kapgate cert -dir ${shellWord(dirname(config.http["https-certificate"]))} -hosts ${shellWord(names.join(","))}`,
    reload(facts),
  ];
}

const local = new Set(["localhost", "127.0.0.1", "::1"]);

/** Asks Kapacitor, by the gateway, to look at its subscriptions at once and not within the minute. */
export function relinkCommand(facts: Facts): string {
  const { gateway, authorityFile, config } = facts;
  const port = gateway.address?.port ?? 9443;
  const scheme = config.http["https-enabled"] ? "https" : "http";
  const ca = authorityFile === undefined || scheme === "http" ? "" : ` --cacert ${shellWord(authorityFile)}`;
  const user = config.user.find(({ role }) => role === "admin")?.name ?? (config.http.username || "admin");
  return `curl${ca} -u ${shellWord(user)} -X POST ${scheme}://localhost:${port}/kapacitor/v1/subscriptions`;
}

/** `one`, `one and two`, `one, two and 3 more` */
export function listed(items: readonly string[], most = 6): string {
  if (items.length > most) return `${items.slice(0, most - 1).join(", ")} and ${items.length - most + 1} more`;
  if (items.length < 2) return items.join("");
  return `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
}

export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
