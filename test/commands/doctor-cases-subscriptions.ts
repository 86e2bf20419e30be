import { readDestination } from "../../src/doctor/destination.ts";
import { loginKey } from "../../src/doctor/facts.ts";
import {
  audit,
  type Case,
  counters,
  delivery,
  details,
  dials,
  factsOf,
  good,
  here,
  influx,
  influxdb,
  own,
  path,
  plainDestination,
  refused,
  right,
  subscription,
  unresolved,
  usualKeys,
  withInstance,
} from "./doctor-facts.ts";

/** The subscription of a Kapacitor with another id. */
const stale = "kapacitor-99999999-9999-4999-8999-999999999999";

/** What is wrong with subscriptions, and with the policy. */
export const subscriptionCases: readonly Case[] = [
  {
    name: "a retention policy has no subscription",
    facts: factsOf({
      influxdb: influx({ retentionPolicies: [...details.retentionPolicies, { db: "app", rp: "week" }] }),
    }),
    expect: [
      ["subscription_missing", /on app\.week/, /-X POST https:\/\/localhost:9443\/kapacitor\/v1\/subscriptions/],
    ],
  },
  {
    name: "a subscription leads to Kapacitor itself",
    facts: factsOf({
      dials: dials({ "192.0.2.5:9092": { kind: "plain" } }),
      influxdb: influx({ subscriptions: [right, subscription(own, "http://192.0.2.5:9092", "app.autogen")] }),
    }),
    expect: [
      ["subscription_around", /app\.autogen .*Kapacitor's own address/, /DROP SUBSCRIPTION .* ON "app"\."autogen"/],
    ],
  },
  {
    name: "a subscription goes by UDP",
    facts: factsOf({
      influxdb: influx({ subscriptions: [right, subscription(own, "udp://kapgate.test:4444", "app.autogen")] }),
    }),
    expect: [["subscription_around", /udp never passes kapgate/, /DROP SUBSCRIPTION/]],
  },
  {
    name: "a subscription speaks http to the TLS port",
    facts: factsOf({
      influxdb: influx({ subscriptions: [right, subscription(own, plainDestination, "app.autogen")] }),
    }),
    expect: [["subscription_scheme", /the listener speaks https/, /or wait a minute: Kapacitor makes them again/]],
  },
  {
    name: "a subscription leads to a port where nothing listens, another to a name that does not resolve here",
    facts: factsOf({
      dials: dials({ "kapgate.test:1": refused }),
      influxdb: influx({ subscriptions: [right, subscription(own, `https://kapgate.test:1${path}`, "app.autogen")] }),
    }),
    expect: [["subscription_elsewhere", /nothing answers there/, /DROP SUBSCRIPTION/, "error"]],
  },
  {
    name: "a subscription to a name that does not resolve here may still be right for InfluxDB",
    facts: factsOf({
      dials: dials({ "inner.test:9443": unresolved }),
      influxdb: influx({ subscriptions: [right, subscription(own, `https://inner.test:9443${path}`, "app.autogen")] }),
    }),
    expect: [["subscription_elsewhere", /does not resolve here/, /DROP SUBSCRIPTION/, "warning"]],
  },
  {
    name: "a subscription has the path of before",
    facts: factsOf({
      influxdb: influx({ subscriptions: [subscription(own, "https://kapgate.test:9443/old")], counts: [] }),
    }),
    expect: [["subscription_path", /the path is \/old, and here it is \/path/, /DROP SUBSCRIPTION/]],
  },
  {
    name: "somebody wrote the /write into the subscription, and it is nested below the path",
    facts: factsOf({
      influxdb: influx({ subscriptions: [right, subscription("by-hand", `${good}/write`, "app.autogen")] }),
    }),
    expect: [
      [
        "subscription_write_doubled",
        /calls \/path\/behind\/reverse-proxy\/write\/write/,
        /make it again with the right URL/,
      ],
    ],
  },
  {
    name: "a path below the subscription path is another path",
    facts: factsOf({
      influxdb: influx({ subscriptions: [right, subscription("by-hand", `${good}/nested`, "app.autogen")] }),
    }),
    expect: [["subscription_path", /reverse-proxy\/nested, and here/, /make it again/]],
  },
  {
    name: "the subscription of a container that is gone, and another Kapacitor's, which is none of ours",
    facts: factsOf({
      dials: dials({ "gone.test:9092": unresolved, "neighbour.test:9092": { kind: "plain" } }),
      influxdb: influx({
        subscriptions: [
          right,
          subscription(stale, "http://gone.test:9092"),
          subscription(`${stale}1`, "http://neighbour.test:9092"),
        ],
      }),
    }),
    expect: [
      [
        "subscription_stale",
        /^1 subscription: telegraf\.autogen kapacitor-9.*does not resolve/,
        /DROP SUBSCRIPTION "kapacitor-9[^"]+9" ON/,
      ],
    ],
  },
  {
    name: "thirteen hundred of them are one finding with as many commands",
    facts: factsOf({
      dials: dials({ "gone.test:9092": unresolved }),
      influxdb: influx({
        subscriptions: [
          right,
          ...Array.from({ length: 1300 }, (_, index) => subscription(`kapacitor-${index}`, "http://gone.test:9092")),
        ],
      }),
    }),
    expect: [["subscription_stale", /^1300 subscriptions: .* and 1297 more$/m, /DROP SUBSCRIPTION "kapacitor-1299"/]],
  },
  {
    name: "only one of two instances is looked at: the subscriptions of the other are none of its",
    facts: factsOf({
      toml: withInstance(
        `name = "one"\n${usualKeys}\n[[kapacitor]]\nname = "two"\nhosts = ["two.test"]\nsubscription-path = "/two"`,
      ),
      influxdb: influx({
        subscriptions: [
          right,
          subscription(stale, "https://kapgate.test:9443/two"),
          subscription(stale, `https://two.test:9443`, "app.autogen"),
        ],
      }),
      dials: dials({ "two.test:9443": here }),
    }),
    expect: [],
  },
  {
    name: "the same points come by two subscriptions: the one that is not Kapacitor's goes",
    facts: factsOf({ influxdb: influx({ subscriptions: [right, subscription(stale, good)] }) }),
    expect: [
      [
        "subscription_twice",
        /telegraf\.autogen by kapacitor-1.* and kapacitor-9/,
        /^influx [^\n]*DROP SUBSCRIPTION "kapacitor-9[^\n]*$/m,
      ],
    ],
  },
  {
    name: "nobody may write without a login",
    facts: factsOf({ toml: withInstance(`subscription-path = "${path}"`) }),
    expect: [
      [
        "subscription_refused",
        /allow-cidrs is empty; InfluxDB is at 192\.0\.2\.10/,
        /subscription-allow-cidrs = \["192\.0\.2\.10\/32"\]/,
        "error",
      ],
    ],
  },
  {
    name: "InfluxDB's address is not among those that may write",
    facts: factsOf({
      toml: withInstance(`subscription-path = "${path}"\nsubscription-allow-cidrs = ["198.51.100.0/24"]`),
    }),
    expect: [
      [
        "subscription_refused",
        /198\.51\.100\.0\/24; InfluxDB is at/,
        /\["198\.51\.100\.0\/24", "192\.0\.2\.10\/32"\]/,
        "warning",
      ],
    ],
  },
  {
    name: "InfluxDB is on this machine: it writes from the address that it writes to",
    facts: factsOf({
      toml: withInstance(`subscription-path = "${path}"\nsubscription-allow-cidrs = []`),
      influxdb: { ...influxdb, addresses: ["127.0.0.1"] },
    }),
    expect: [
      ["subscription_refused", /InfluxDB is on this machine/, /"127\.0\.0\.1\/32", "::1\/128", "192\.0\.2\.5\/32"/],
    ],
  },
  {
    name: "the deny list covers InfluxDB",
    facts: factsOf({ toml: withInstance(usualKeys, `[access]\ndeny-cidrs = ["192.0.2.0/24"]\n`) }),
    expect: [["subscription_refused", /\[access\] refuses InfluxDB/, /deny-cidrs/]],
  },
  {
    name: "the allow list does not cover InfluxDB, and nobody has to log in",
    facts: factsOf({
      toml: withInstance(usualKeys, `[access]\nallow-cidrs = ["198.51.100.0/24"]\n[http]\nauth-enabled = false\n`),
    }),
    expect: [["subscription_refused", /\[access\] refuses InfluxDB/, /allow-cidrs/]],
  },
  {
    name: "the login in a subscription is refused",
    facts: factsOf({
      toml: withInstance(`subscription-path = "${path}"`),
      influxdb: influx({
        subscriptions: [subscription("by-hand", good.replace("//", "//telegraf:hunter2@"), "app.autogen")],
        retentionPolicies: [],
        counts: [],
        logins: new Map([
          [
            loginKey(readDestination(good.replace("//", "//telegraf:hunter2@")), "app"),
            { status: 401, reason: "credentials_invalid" },
          ],
        ]),
      }),
    }),
    expect: [["subscription_refused", /app\.autogen as telegraf: credentials_invalid/, /kapgate hash-password/]],
  },
  {
    name: "the token of a subscription is not known",
    facts: factsOf({
      toml: withInstance(`subscription-path = "${path}"`),
      influxdb: influx({
        subscriptions: [subscription(own, good.replace("//", "//~subscriber:dG9rZW4@"))],
        counts: [],
        logins: new Map([
          [
            loginKey(readDestination(good.replace("//", "//~subscriber:dG9rZW4@")), "telegraf"),
            { status: 401, reason: "credentials_invalid" },
          ],
        ]),
      }),
    }),
    expect: [["subscription_refused", /as ~subscriber: credentials_invalid/, /\[influxdb\]/]],
  },
  {
    name: "some writes failed",
    facts: factsOf({ influxdb: influx({ counts: delivery(right, 40, 2) }) }),
    expect: [
      [
        "subscription_failures",
        /since 2026-01-01T00:00:00Z: telegraf\.autogen: 2 writes failed, 40 points accepted/,
        /journalctl -u influxdb/,
        "warning",
      ],
    ],
  },
  {
    name: "no write ever came through, and clients reject the certificate",
    facts: factsOf({
      ...counters('kapgate_tls_failures_total{cause="tls_client_rejected_certificate"} 9\n'),
      influxdb: influx({ counts: delivery(right, 0, 9) }),
    }),
    expect: [
      ["certificate_rejected", /9 times/, /ca-certs/],
      ["subscription_failures", /0 points accepted/, /ca-certs/, "error"],
    ],
  },
  {
    name: "the policy only reports",
    facts: factsOf({ toml: withInstance(usualKeys, `mode = "report"\n`) }),
    expect: [["policy_report_mode", /\[alerts\]: mode = "report"/, /mode = "enforce"/]],
  },
  {
    name: "an editor may run commands",
    facts: factsOf({
      toml: `[[user]]\nname = "eve"\nrole = "editor"\n[[kapacitor]]\n${usualKeys}\n[influxdb]\nurl = "http://influxdb.test:8086"\n[alerts]\ndisable-handlers = ["log"]\n`,
    }),
    expect: [["policy_exec_open", /eve may define tasks/, /disable-handlers = \["log", "exec"\]/]],
  },
  {
    name: "everybody may run commands",
    facts: factsOf({ toml: `[http]\nauth-enabled = false\n[[kapacitor]]\n${usualKeys}\n` }),
    expect: [["policy_exec_open", /everybody \(auth-enabled = false\)/, /disable-handlers = \["exec"\]/]],
  },
  {
    name: "Kapacitor has stored what the policy forbids, and was not read to the end",
    facts: factsOf({
      kapacitor: {
        audit: {
          ...audit,
          findingCount: 2,
          findings: [
            {
              kind: "task",
              name: "cleanup",
              object: "task:cleanup",
              state: "enabled",
              reason: "handler_disabled",
              text: "the handler exec is disabled",
              remove: "kapacitor -url http://127.0.0.1:9092 delete tasks cleanup",
            },
            {
              kind: "task",
              name: "..",
              object: "task:..",
              state: "disabled",
              reason: "handler_disabled",
              text: "the handler exec is disabled",
              remove: undefined,
            },
          ],
          failure: { reason: "upstream_timeout", text: "Kapacitor did not answer in time", cause: "no answer" },
        },
      },
    }),
    expect: [
      [
        "policy_stored",
        /^2 stored objects: task:cleanup, enabled \(the handler exec is disabled\) and task:\.\., dis/,
        /delete tasks cleanup\n# task:\.\.: no request/,
        "error",
      ],
      ["policy_unread", /did not answer in time \(no answer\)/, /^kapgate audit -config \S+ -instance default$/],
    ],
  },
];
