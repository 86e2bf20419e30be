import type { Facts } from "./facts.ts";
import { finding, fine, type Result } from "./finding.ts";
import { gatewayLines } from "./hints.ts";
import { clockCommands, isBefore, skewText, tolerableSkewMs } from "./judge-kapacitor.ts";
import { logOf, restart, status } from "./services.ts";

/** Whether InfluxDB answers, is one with subscriptions, sends to them, and goes by the same clock. */
export function judgeInfluxdb(facts: Facts): readonly Result[] {
  const { influxdb } = facts;
  if (influxdb === undefined) {
    return [
      finding("influxdb_unconfigured", {
        what: "[influxdb] url is not set",
        fix: gatewayLines(
          facts,
          "[influxdb]",
          `url = "http://127.0.0.1:8086"`,
          `username = "kapgate"        # an administrator`,
          `password-file = "influxdb.password"`,
        ),
      }),
    ];
  }
  const { url, state } = influxdb;
  if (state.kind === "down") {
    return [
      finding("influxdb_unreachable", {
        what: `${url}: ${state.cause}`,
        fix: [status(facts, "influxdb"), ...gatewayLines(facts, "[influxdb]", `url = "http://127.0.0.1:8086"`)],
      }),
    ];
  }
  if (state.kind === "other") {
    return [
      finding("influxdb_other", {
        what: `${url} is ${state.version === "" ? "no InfluxDB" : `InfluxDB ${state.version}`}`,
        fix: gatewayLines(facts, "[influxdb]", `url = "…"     # the InfluxDB 1.x that Kapacitor subscribes to`),
      }),
    ];
  }
  const results: Result[] = [fine("influxdb", `${url} answers: InfluxDB ${state.version}`)];
  if (
    isBefore(state.version, [1, 5, 0]) &&
    facts.kapacitors.some(({ instance }) => instance["subscription-path"] !== "")
  ) {
    results.push(
      finding("influxdb_old", {
        what: `InfluxDB ${state.version}, and a subscription-path is set`,
        fix: [
          "# update InfluxDB to 1.5 or later; or on both sides, kapacitor.conf as well:",
          ...gatewayLines(facts, "[[kapacitor]]", `subscription-path = ""`),
        ],
      }),
    );
  }
  if (state.skewMs !== undefined && Math.abs(state.skewMs) > tolerableSkewMs) {
    results.push(
      finding("influxdb_clock", {
        what: `InfluxDB's clock is ${skewText(state.skewMs)} this machine's`,
        fix: clockCommands,
      }),
    );
  }
  return [...results, ...judgeDetails(facts, influxdb.details)];
}

function judgeDetails(facts: Facts, details: NonNullable<Facts["influxdb"]>["details"]): readonly Result[] {
  const login = facts.config.influxdb.username;
  switch (details.kind) {
    case "unauthorized":
      return [
        finding("influxdb_unauthorized", {
          what:
            login === ""
              ? "InfluxDB asks for a login, and [influxdb] username is not set"
              : `InfluxDB refuses the user ${login} or its password`,
          fix: gatewayLines(
            facts,
            "[influxdb]",
            `username = "kapgate"        # CREATE USER kapgate WITH PASSWORD '…' WITH ALL PRIVILEGES`,
            `password-file = "influxdb.password"`,
          ),
        }),
      ];
    case "refused":
      return [
        finding("influxdb_not_admin", {
          what: `InfluxDB: ${details.cause}`,
          fix: [`influx -execute ${`'GRANT ALL PRIVILEGES TO "${login}"'`}      # as an administrator`],
        }),
      ];
    case "unavailable":
      return [
        finding("influxdb_unreachable", {
          what: `the answer to a query: ${details.cause}`,
          fix: [logOf(facts, "influxdb")],
        }),
      ];
    case "ok":
      return judgeSubscriber(facts, details.subscriber);
  }
}

function judgeSubscriber(
  facts: Facts,
  { enabled, httpTimeoutMs }: { readonly enabled: boolean; readonly httpTimeoutMs: number | undefined },
): readonly Result[] {
  if (!enabled) {
    return [
      finding("influxdb_subscriber_off", {
        what: "influxdb.conf, [subscriber]: enabled = false",
        fix: ["# influxdb.conf, [subscriber]:", "enabled = true", restart(facts, "influxdb")],
      }),
    ];
  }
  const slow = facts.kapacitors.filter(
    ({ instance }) => httpTimeoutMs !== undefined && httpTimeoutMs > 0 && instance["write-timeout"] >= httpTimeoutMs,
  );
  return slow.map(({ instance: { name, "write-timeout": timeout } }) =>
    finding("influxdb_timeout", {
      instance: name,
      what: `InfluxDB waits ${seconds(httpTimeoutMs ?? 0)} for a write, and write-timeout is ${seconds(timeout)}`,
      fix: gatewayLines(
        facts,
        `[[kapacitor]] ${name}`,
        `write-timeout = "${Math.max(1, Math.floor(((httpTimeoutMs ?? 0) * 2) / 3000))}s"`,
      ),
    }),
  );
}

function seconds(milliseconds: number): string {
  return `${milliseconds / 1000}s`;
}
