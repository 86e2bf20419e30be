import { formatBindAddress } from "../config/values.ts";
import { type Counters, gaugeOf, sumBy } from "./counters.ts";
import { originOf } from "./destination.ts";
import type { Facts } from "./facts.ts";
import { finding, fine, type Result } from "./finding.ts";
import { configFlag, count, gatewayLines, kapacitorLines, listed } from "./hints.ts";
import { logOf, reload, restart, start, status } from "./services.ts";

/** Whether the gateway serves, and what it has refused since it started. */
export function judgeGateway(facts: Facts): readonly Result[] {
  return [...judgeListener(facts), ...judgeCounters(facts)];
}

function judgeListener(facts: Facts): readonly Result[] {
  const { address, dial } = facts.gateway;
  const secure = facts.config.http["https-enabled"];
  if (address === undefined || dial === undefined) return judgePassedSocket(facts);
  const where = originOf(address);
  if (dial.kind === "failure") {
    return [
      finding("gateway_unreachable", {
        what: `nothing answers on ${where}: ${dial.cause}`,
        fix: [start(facts, "kapgate"), logOf(facts, "kapgate"), `kapgate check${configFlag(facts)}`],
      }),
    ];
  }
  if ((dial.kind === "tls") !== secure) {
    return [
      finding("gateway_other", {
        what: `${where} ${secure ? "does not speak TLS" : "speaks TLS"}, and https-enabled = ${secure}`,
        fix: [`ss -ltnp 'sport = :${address.port}'`, restart(facts, "kapgate")],
      }),
    ];
  }
  return [fine("gateway", `${where} answers${secure ? " over TLS" : ", without TLS"}`)];
}

/** A socket that systemd passes has no address here: the admin listener says whether the gateway lives. */
function judgePassedSocket(facts: Facts): readonly Result[] {
  const { counters, metricsUrl } = facts.gateway;
  const name = formatBindAddress(facts.config.http["bind-address"]);
  if (counters === undefined) return [];
  if (!("cause" in counters)) return [fine("gateway", `it runs, on the socket ${name} that it was passed`)];
  return [
    finding("gateway_unreachable", {
      what: `bind-address is ${name}, and ${metricsUrl} does not answer: ${counters.cause}`,
      fix: ["systemctl status kapgate.socket", start(facts, "kapgate"), logOf(facts, "kapgate")],
    }),
  ];
}

function judgeCounters(facts: Facts): readonly Result[] {
  const { counters, metricsUrl, dial, address } = facts.gateway;
  if (counters === undefined || dial?.kind === "failure") return [];
  if ("cause" in counters) {
    if (address === undefined) return [];
    return [
      finding("gateway_counters_unread", {
        what: `${metricsUrl}: ${counters.cause}`,
        fix: ["# [admin] bind-address and allow-cidrs; run doctor where kapgate runs"],
      }),
    ];
  }
  return [...judgeHandshakes(facts, counters), ...judgeReload(facts, counters), ...judgeWrites(facts, counters)];
}

function judgeHandshakes(facts: Facts, counters: Counters): readonly Result[] {
  const plain = sumBy(counters, "kapgate_tls_failures_total", "cause").get("tls_plain_http") ?? 0;
  if (plain === 0) return [];
  return [
    finding("gateway_plain_http", {
      what: `plain HTTP came to the TLS port ${count(plain, "time")} since kapgate started`,
      fix: [
        ...kapacitorLines(facts, "default", `subscription-protocol = "https"`),
        `# elsewhere: https:// in the URL; the addresses are in the log: ${logOf(facts, "kapgate", "tls_plain_http")}`,
      ],
    }),
  ];
}

function judgeReload(facts: Facts, counters: Counters): readonly Result[] {
  if (gaugeOf(counters, "kapgate_config_last_reload_successful") !== 0) return [];
  return [
    finding("gateway_reload_failed", {
      what: "the last reload was refused",
      fix: [`kapgate check${configFlag(facts)}`, reload(facts)],
    }),
  ];
}

function judgeWrites(facts: Facts, counters: Counters): readonly Result[] {
  const results: Result[] = [];
  const last = counters.samples.filter(({ name }) => name === "kapgate_write_last_success_timestamp_seconds");
  if (last.length > 0) {
    const newest = last.map(({ labels, value }) => `${labels.db}.${labels.rp} ${age(facts.now, value)}`);
    results.push(fine("gateway", `last accepted writes: ${listed(newest)}`));
  }
  const refused = sumBy(counters, "kapgate_requests_total", "reason", { lane: "write" });
  for (const [reason, number] of refused) {
    if (reason === "") continue;
    results.push(
      finding("gateway_writes_refused", {
        what: `${count(number, "write")} refused as ${reason} since kapgate started`,
        fix: writeFix(facts, reason),
      }),
    );
  }
  return results;
}

function age(now: Date, seconds: number): string {
  const ago = Math.max(0, Math.round(now.getTime() / 1000 - seconds));
  if (ago < 120) return `${ago} s ago`;
  return ago < 7200 ? `${Math.round(ago / 60)} min ago` : `${Math.round(ago / 3600)} h ago`;
}

/** What to do about a write that was refused for this reason; docs/errors.md has all of them. */
function writeFix(facts: Facts, reason: string): readonly string[] {
  const addresses = `${logOf(facts, "kapgate", reason)}        # client_address says whose`;
  switch (reason) {
    case "credentials_required":
      return [
        addresses,
        ...gatewayLines(
          facts,
          "[[kapacitor]]",
          `subscription-allow-cidrs = ["ADDRESS/32"]   # the addresses that InfluxDB connects from`,
        ),
      ];
    case "credentials_invalid":
    case "login_throttled":
      return [
        addresses,
        "# correct the login in the subscription (SHOW SUBSCRIPTIONS in influx), or in Telegraf's output",
      ];
    case "client_denied":
      return [
        addresses,
        ...gatewayLines(facts, "[access]", "# take InfluxDB's address out of deny-cidrs, or into allow-cidrs"),
      ];
    case "upstream_unreachable":
    case "upstream_timeout":
    case "upstream_reset":
      return [status(facts, "kapacitor"), logOf(facts, "kapacitor")];
    default:
      return [addresses, `# docs/errors.md, ${reason}`];
  }
}
