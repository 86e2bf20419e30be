import {
  type Case,
  delivery,
  dials,
  factsOf,
  here,
  influx,
  influxdb,
  own,
  path,
  subscription,
} from "./doctor-facts.ts";

/** What is wrong with InfluxDB. */
export const influxdbCases: readonly Case[] = [
  {
    name: "no InfluxDB is configured",
    facts: factsOf({ influxdb: undefined }),
    expect: [["influxdb_unconfigured", /url is not set/, /password-file/, "note"]],
  },
  {
    name: "InfluxDB is down",
    facts: factsOf({
      influxdb: {
        ...influxdb,
        state: { kind: "down", cause: "no answer in time" },
        details: { kind: "unavailable", cause: "" },
      },
    }),
    expect: [["influxdb_unreachable", /no answer in time/, /systemctl status influxdb/]],
  },
  {
    name: "InfluxDB's answer cannot be read",
    facts: factsOf({ influxdb: { ...influxdb, details: { kind: "unavailable", cause: "the answer is not JSON" } } }),
    expect: [["influxdb_unreachable", /not JSON/, /journalctl -u influxdb/]],
  },
  {
    name: "InfluxDB refuses the login",
    facts: factsOf({ influxdb: { ...influxdb, details: { kind: "unauthorized", cause: "" } } }),
    expect: [["influxdb_unauthorized", /username is not set/, /CREATE USER kapgate/]],
  },
  {
    name: "the user is no administrator of InfluxDB",
    facts: factsOf({ influxdb: { ...influxdb, details: { kind: "refused", cause: "not authorized to execute" } } }),
    expect: [["influxdb_not_admin", /not authorized/, /GRANT ALL PRIVILEGES/]],
  },
  {
    name: "it is InfluxDB 2",
    facts: factsOf({
      influxdb: {
        ...influxdb,
        state: { kind: "other", version: "2.7.1" },
        details: { kind: "unavailable", cause: "" },
      },
    }),
    expect: [["influxdb_other", /InfluxDB 2\.7\.1/, /InfluxDB 1\.x/]],
  },
  {
    name: "InfluxDB is too old for a path",
    facts: factsOf({ influxdb: { ...influxdb, state: { kind: "up", version: "1.4.3", skewMs: 0 } } }),
    expect: [["influxdb_old", /InfluxDB 1\.4\.3/, /subscription-path = ""/]],
  },
  {
    name: "InfluxDB's subscriber is off",
    facts: factsOf({ influxdb: influx({ subscriber: { enabled: false, httpTimeoutMs: undefined } }) }),
    expect: [["influxdb_subscriber_off", /enabled = false/, /enabled = true/]],
  },
  {
    name: "InfluxDB gives up before kapgate",
    facts: factsOf({ influxdb: influx({ subscriber: { enabled: true, httpTimeoutMs: 15_000 } }) }),
    expect: [["influxdb_timeout", /waits 15s for a write, and write-timeout is 20s/, /write-timeout = "10s"/]],
  },
  {
    name: "InfluxDB's clock is ahead",
    facts: factsOf({ influxdb: { ...influxdb, state: { kind: "up", version: "1.8.10", skewMs: 42_000 } } }),
    expect: [["influxdb_clock", /42 s ahead of this machine's/, /timedatectl/]],
  },
  {
    name: "InfluxDB does not verify",
    facts: factsOf({
      kapacitor: { clusters: { cause: "x" } },
      dials: dials({ "192.0.2.5:9443": here }),
      influxdb: influx({
        subscriptions: [subscription(own, `https://192.0.2.5:9443${path}`)],
        counts: delivery(subscription(own, `https://192.0.2.5:9443${path}`), 5, 0),
      }),
    }),
    expect: [
      ["kapacitor_config_unread", /x/, /compare/],
      ["subscription_host", /does not have 192\.0\.2\.5/, /-hosts kapgate\.test,192\.0\.2\.5$/m],
      ["influxdb_unverified", /writes to 192\.0\.2\.5 succeed/, /insecure-skip-verify = false/],
    ],
  },
];
