import {
  type Case,
  cluster,
  counters,
  dials,
  elsewhere,
  factsOf,
  good,
  here,
  influx,
  own,
  plainDestination,
  refused,
  subscription,
  unresolved,
  untrusted,
  usualKeys,
  withInstance,
} from "./doctor-facts.ts";

/** What is wrong on this side: configuration, certificate, listener, Kapacitor and what it tells InfluxDB. */
export const gatewayCases: readonly Case[] = [
  { name: "nothing is wrong", facts: factsOf(), expect: [] },
  {
    name: "the configuration has an error and a warning",
    facts: factsOf({
      problems: [
        { severity: "error", source: "/k.toml", line: 3, key: "alerts.disable-handlers", text: "is no handler" },
        { severity: "warning", source: "/k.toml", line: 4, key: "user[0].password-hash", text: "is weak" },
      ],
    }),
    expect: [
      ["configuration_invalid", /\/k\.toml:3: alerts\.disable-handlers: is no handler/, /kapgate check -config/],
      ["configuration_doubtful", /user\[0\]\.password-hash: is weak/, /# \/k\.toml, line 4: user\[0\]/],
    ],
  },
  {
    name: "the certificate has expired, and its chain is doubtful",
    facts: factsOf({
      problems: [
        { severity: "error", key: "http.https-certificate", text: "the certificate expired" },
        { severity: "warning", key: "http.https-certificate", text: "the chain is incomplete" },
      ],
    }),
    expect: [
      ["certificate_unusable", /expired/, /^kapgate cert -dir certs -hosts kapgate\.test$/m],
      ["certificate_doubtful", /incomplete/, /^kapgate cert/],
    ],
  },
  {
    name: "InfluxDB is told a name that leads here and is not in the certificate",
    facts: factsOf({
      kapacitor: { clusters: [{ ...cluster, hostname: "other.test" }] },
      dials: dials({ "other.test:9443": here }),
      influxdb: influx({ subscriptions: [subscription(own, good.replace("kapgate.test", "other.test"))], counts: [] }),
    }),
    expect: [["certificate_name_missing", /told to write to other\.test/, /-hosts kapgate\.test,other\.test$/m]],
  },
  {
    name: "a host name selects an instance and is not in the certificate",
    facts: factsOf({ toml: withInstance(`hosts = ["alerts.test"]\n${usualKeys}`) }),
    expect: [
      ["certificate_host_missing", /does not have alerts\.test, which selects/, /-hosts kapgate\.test,alerts\.test$/m],
    ],
  },
  {
    name: "the listener still has the old certificate",
    facts: factsOf({ gateway: { ...factsOf().gateway, dial: elsewhere } }),
    expect: [["certificate_not_served", /shows CN=other, SHA-256 CC:DD/, /systemctl reload kapgate/]],
  },
  {
    name: "the CA is a private one",
    facts: factsOf({ gateway: { ...factsOf().gateway, dial: untrusted }, influxdb: influx({ counts: [] }) }),
    expect: [["certificate_private", /CN=kapgate CA/, /ca-certs = "\/etc\/kapgate\/certs\/kapgate-ca\.pem"/, "note"]],
  },
  {
    name: "the CA is a private one, and InfluxDB knows it",
    facts: factsOf({ gateway: { ...factsOf().gateway, dial: untrusted } }),
    expect: [],
  },
  {
    name: "clients do not trust the certificate",
    facts: factsOf(counters('kapgate_tls_failures_total{cause="tls_client_rejected_certificate"} 3\n')),
    expect: [["certificate_rejected", /refused the certificate 3 times/, /influxdb\.conf, \[subscriber\]/]],
  },
  {
    name: "the gateway is down: nothing is said about where names lead",
    facts: factsOf({
      gateway: { ...factsOf().gateway, dial: refused },
      dials: dials({ "kapgate.test:9443": refused }),
    }),
    expect: [["gateway_unreachable", /127\.0\.0\.1:9443: connection refused/, /systemctl start kapgate/]],
  },
  {
    name: "the port is held by systemd, and the gateway is down",
    facts: factsOf({
      toml: `[http]\nbind-address = "fd:3"\n${withInstance(usualKeys)}`,
      gateway: { ...factsOf().gateway, address: undefined, dial: undefined, counters: { cause: "connection refused" } },
    }),
    expect: [["gateway_unreachable", /bind-address is fd:3, and .*connection refused/, /status kapgate\.socket/]],
  },
  {
    name: "the port is held by systemd",
    facts: factsOf({
      toml: `[http]\nbind-address = "fd:3"\n${withInstance(usualKeys)}`,
      gateway: { ...factsOf().gateway, address: undefined, dial: undefined },
    }),
    expect: [],
  },
  {
    name: "something else has the port",
    facts: factsOf({ gateway: { ...factsOf().gateway, dial: { kind: "plain" } } }),
    expect: [["gateway_other", /does not speak TLS/, /ss -ltnp 'sport = :9443'/]],
  },
  {
    name: "plain HTTP comes to the TLS port",
    facts: factsOf(counters('kapgate_tls_failures_total{cause="tls_plain_http"} 1\n')),
    expect: [["gateway_plain_http", /came to the TLS port 1 time since/, /subscription-protocol = "https"/]],
  },
  {
    name: "the last reload was refused",
    facts: factsOf(counters("kapgate_config_last_reload_successful 0\n")),
    expect: [["gateway_reload_failed", /refused/, /kapgate check/]],
  },
  {
    name: "the counters cannot be read",
    facts: factsOf({ gateway: { ...factsOf().gateway, counters: { cause: "status 403" } } }),
    expect: [["gateway_counters_unread", /9444\/metrics: status 403/, /allow-cidrs/, "note"]],
  },
  {
    name: "writes were refused, for two reasons",
    facts: factsOf(
      counters(
        `kapgate_requests_total{instance="default",lane="write",class="write",method="POST",code="401",reason="credentials_required"} 7
kapgate_requests_total{instance="default",lane="write",class="write",method="POST",code="204",reason=""} 900
kapgate_requests_total{instance="default",lane="api",class="ping",method="GET",code="401",reason="credentials_required"} 5
kapgate_requests_total{instance="default",lane="write",class="write",method="POST",code="502",reason="upstream_unreachable"} 2
`,
      ),
    ),
    expect: [
      ["gateway_writes_refused", /7 writes refused as credentials_required/, /subscription-allow-cidrs/],
      ["gateway_writes_refused", /2 writes refused as upstream_unreachable/, /systemctl status kapacitor/],
    ],
  },
  {
    name: "Kapacitor is down",
    facts: factsOf({
      kapacitor: { state: { kind: "down", cause: "connection refused" }, clusters: { cause: "" }, ids: undefined },
    }),
    expect: [["kapacitor_unreachable", /127\.0\.0\.1:9092: connection refused/, /systemctl status kapacitor/]],
  },
  {
    name: "Kapacitor asks for a login",
    facts: factsOf({ kapacitor: { state: { kind: "unauthorized", version: "1.8.3" }, clusters: { cause: "" } } }),
    expect: [["kapacitor_unauthorized", /no username is configured/, /username = "kapgate"/]],
  },
  {
    name: "something else answers in place of Kapacitor",
    facts: factsOf({ kapacitor: { state: { kind: "other", what: "status 404" }, clusters: { cause: "" } } }),
    expect: [["kapacitor_other", /status 404/, /ss -ltnp 'sport = :9092'/]],
  },
  {
    name: "Kapacitor takes every login",
    facts: factsOf({ kapacitor: { takesAnyLogin: true } }),
    expect: [["kapacitor_any_login", /took a random name and password/, /bind-address = "127\.0\.0\.1:9092"/, "note"]],
  },
  {
    name: "Kapacitor takes every login, from everybody",
    facts: factsOf({ kapacitor: { takesAnyLogin: true, exposedAt: ["http://192.0.2.5:9092"] } }),
    expect: [
      ["kapacitor_any_login", /took a random name and password/, /bind-address = /, "warning"],
      ["kapacitor_exposed", /192\.0\.2\.5/, /bind-address = /],
    ],
  },
  {
    name: "Kapacitor is on every address",
    facts: factsOf({ kapacitor: { exposedAt: ["http://192.0.2.5:9092"] } }),
    expect: [["kapacitor_exposed", /answers on http:\/\/192\.0\.2\.5:9092/, /bind-address = "127\.0\.0\.1:9092"/]],
  },
  {
    name: "Kapacitor is on another machine",
    facts: factsOf({ toml: withInstance(`url = "http://kapacitor.test:9092"\n${usualKeys}`) }),
    expect: [["kapacitor_remote", /on another machine/, /curl -m 5 http:\/\/kapacitor\.test:9092/, "note"]],
  },
  {
    name: "Kapacitor is too old for a path",
    facts: factsOf({
      kapacitor: { state: { kind: "up", version: "1.5.7", skewMs: 0 }, clusters: [{ ...cluster, path: "" }] },
      influxdb: influx({ subscriptions: [], retentionPolicies: [], counts: [] }),
    }),
    expect: [["kapacitor_old", /Kapacitor 1\.5\.7/, /subscription-path = ""/]],
  },
  {
    name: "Kapacitor does not show its configuration",
    facts: factsOf({ kapacitor: { clusters: { cause: "[config-override] is not enabled" } } }),
    expect: [["kapacitor_config_unread", /config-override/, /compare by hand/, "note"]],
  },
  {
    name: "Kapacitor's clock is behind",
    facts: factsOf({ kapacitor: { state: { kind: "up", version: "1.8.3", skewMs: -600_000 } } }),
    expect: [["kapacitor_clock", /10 min behind/, /timedatectl/]],
  },
  {
    name: "Kapacitor makes no subscriptions",
    facts: factsOf({
      kapacitor: { clusters: [{ ...cluster, subscriptionsOff: true }] },
      influxdb: influx({ subscriptions: [], counts: [] }),
    }),
    expect: [["kapacitor_subscriptions_off", /disable-subscriptions = true/, /disable-subscriptions = false/]],
  },
  {
    name: "Kapacitor tells InfluxDB http; the subscription that follows from it is no finding of its own",
    facts: factsOf({
      kapacitor: { clusters: [{ ...cluster, protocol: "http" }] },
      influxdb: influx({ subscriptions: [subscription(own, plainDestination)], counts: [] }),
    }),
    expect: [
      ["kapacitor_subscription_protocol", /"http", and this listener speaks https/, /subscription-protocol = "https"/],
    ],
  },
  {
    name: "Kapacitor tells InfluxDB its own port",
    facts: factsOf({
      kapacitor: { clusters: [{ ...cluster, port: 0 }] },
      dials: dials({ "kapgate.test:9092": { kind: "plain" } }),
      influxdb: influx({ subscriptions: [subscription(own, good.replace(":9443", ":9092"))], counts: [] }),
    }),
    expect: [
      ["kapacitor_http_port", /http-port is not set, so that of \[http\] bind-address, 9092/, /http-port = 9443/],
    ],
  },
  {
    name: "a port that is mapped to the listener is right",
    facts: factsOf({
      kapacitor: { clusters: [{ ...cluster, port: 443 }] },
      dials: dials({ "kapgate.test:443": here }),
      influxdb: influx({ subscriptions: [subscription(own, good.replace(":9443", ":443"))], counts: [] }),
    }),
    expect: [],
  },
  {
    name: "Kapacitor's own host name is told, which is not in the certificate",
    facts: factsOf({
      kapacitor: { clusters: [{ ...cluster, hostname: "" }] },
      dials: dials({ "kapacitor.test:9443": unresolved }),
      influxdb: influx({ subscriptions: [], retentionPolicies: [], counts: [] }),
    }),
    expect: [
      [
        "kapacitor_hostname",
        /kapacitor-hostname is not set.*does not resolve here; the certificate/,
        /kapacitor-hostname = "kapgate\.test"/,
        "error",
      ],
    ],
  },
  {
    name: "the name is in the certificate, and another certificate answers: perhaps a load balancer",
    facts: factsOf({
      dials: dials({ "kapgate.test:9443": elsewhere }),
      influxdb: influx({ subscriptions: [], retentionPolicies: [], counts: [] }),
    }),
    expect: [
      ["kapacitor_hostname", /another certificate \(right only for a load balancer/, /kapacitor-hostname/, "warning"],
    ],
  },
  {
    name: "Kapacitor has another path: it keeps the old subscriptions, so they have to be dropped",
    facts: factsOf({
      kapacitor: { clusters: [{ ...cluster, path: "" }] },
      influxdb: influx({ subscriptions: [subscription(own, "https://kapgate.test:9443")], counts: [] }),
    }),
    expect: [
      [
        "kapacitor_subscription_path",
        /subscription-path = "", and here it is "\/path/,
        /influx -host influxdb\.test -port 8086 -execute 'DROP SUBSCRIPTION "kapacitor-1[^']+" ON "telegraf"\."autogen"'\nsystemctl restart kapacitor$/m,
      ],
    ],
  },
];
