import { type Answer, type Call, compact, failure, link } from "./answer.ts";
import { decodeBody } from "./body.ts";
import { isEnabled } from "./config.ts";
import { anything, flag, list, type Shape, struct, text } from "./go-json-shapes.ts";
import { compareText, type Encodable } from "./go-json-write.ts";
import { first, joinPath, matchGlob } from "./go-url.ts";
import { level } from "./level.ts";
import { basePath, type Route } from "./mux.ts";
import type { Store } from "./store.ts";
import { isSince } from "./version.ts";

const testsPath = `${basePath}/service-tests`;
const prefix = `${testsPath}/`;

type Options = Readonly<Record<string, Encodable>>;

const eventData: Options = { TaskName: "", Category: "", Group: "", Tags: {}, Fields: {}, Recoverable: false };
const byId = { id: "" };

/** Every test with its options' defaults, as Kapacitor lists them. */
const tests: Readonly<Record<string, Options>> = {
  alerta: {
    resource: "testResource",
    event: "testEvent",
    environment: "",
    severity: "critical",
    group: "testGroup",
    value: "testValue",
    message: "test alerta message",
    origin: "",
    service: ["testServiceA", "testServiceB"],
    correlate: ["testServiceX", "testServiceY"],
    timeout: "24h0m0s",
  },
  azure: byId,
  bigpanda: {
    app_key: "my-app-key-123456",
    message: "test bigpanda message",
    level: "CRITICAL",
    event_data: { Name: "testBigPanda", ...eventData, Result: { series: null } },
    timestamp: "1970-01-01T00:00:01Z",
  },
  consul: byId,
  discord: {
    workspace: "",
    message: "test discord message",
    level: "INFO",
    username: "Kapacitor",
    "avatar-url": "https://influxdata.github.io/branding/img/downloads/influxdata-logo--symbol--pool-alpha.png",
    "embed-title": "Kapacitor Alert",
    "time-val": "1970-01-01T00:00:01Z",
  },
  dns: byId,
  ec2: byId,
  "file-discovery": byId,
  gce: byId,
  hipchat: { room: "", message: "test hipchat message", level: "CRITICAL" },
  httppost: { endpoint: "example", url: "http://localhost:3000/", headers: { Auth: "secret" }, timeout: 0 },
  influxdb: { cluster: "" },
  kafka: { cluster: "example", topic: "test", key: "key", message: "test kafka message" },
  kubernetes: byId,
  marathon: byId,
  mqtt: { "broker-name": "default", topic: "", message: "test MQTT message", qos: "at-most-once", retained: false },
  nerve: byId,
  opsgenie: opsgenie({}),
  opsgenie2: opsgenie({ recovery_action: "notes" }),
  pagerduty: {
    "incident-key": "testIncidentKey",
    description: "test pagerduty message",
    details: "",
    level: "CRITICAL",
  },
  pagerduty2: {
    alert_id: "testAlertID",
    description: "test pagerduty2 message",
    level: "CRITICAL",
    event_data: { Name: "testPagerDuty2", ...eventData, Result: { series: null } },
    timestamp: "2014-11-12T11:45:26.371Z",
    links: ["a", "b"].map((name) => ({ href: `https://example.com/${name}`, text: name })),
  },
  pushover: {
    "user-key": "",
    message: "test pushover message",
    device: "",
    title: "",
    url: "",
    "url-title": "",
    sound: "",
    level: "CRITICAL",
  },
  scraper: { name: "" },
  sensu: {
    name: "testName",
    source: "Kapacitor",
    output: "testOutput",
    handlers: [],
    metadata: {},
    level: "CRITICAL",
  },
  serverset: byId,
  servicenow: { alert_id: "id", source: "Kapacitor", level: "CRITICAL", message: "test servicenow alert" },
  slack: {
    workspace: "",
    channel: "",
    message: "test slack message",
    level: "CRITICAL",
    username: "",
    "icon-emoji": "",
  },
  smtp: { to: null, subject: "test subject", body: "test body" },
  snmptrap: {
    "trap-oid": "1.1.1.1",
    "data-list": [{ oid: "1.1.1.1.2", type: "s", value: "test snmptrap message" }],
  },
  "static-discovery": byId,
  swarm: byId,
  talk: { title: "testTitle", text: "test talk text" },
  teams: {
    channel_url: "",
    alert_topic: "test kapacitor alert topic",
    alert_id: "foo/bar/bat",
    message: "test teams message",
    level: "CRITICAL",
  },
  telegram: {
    "chat-id": "",
    "parse-mode": "",
    message: "test telegram message",
    "disable-web-page-preview": false,
    "disable-notification": false,
  },
  triton: byId,
  victorops: {
    routingKey: "",
    messageType: "CRITICAL",
    message: "test victorops message",
    entityID: "testEntityID",
  },
  zenoss: {
    alert_id: "1001",
    level: "CRITICAL",
    message: "test zenoss message",
    action: "EventsRouter",
    method: "add_event",
    type: "rpc",
    tid: 1,
    summary: "",
    device: "",
    component: "",
    eventclasskey: "",
    eventclass: "",
    collector: "Kapacitor",
    custom_fields: {},
  },
};

/** Since when a test, or an option of one, is there. */
const since: Readonly<Record<string, string>> = {
  "alerta.correlate": "1.5.8",
  "opsgenie2.recovery_action": "1.5.7",
  bigpanda: "1.5.8",
  discord: "1.5.6",
  servicenow: "1.5.7",
  teams: "1.5.6",
  zenoss: "1.6.0",
};

/** services/servicetest/service.go. Nothing is sent: a service that is enabled, or has no switch, succeeds. */
export function serviceTestRoutes(store: Store, version: string): readonly Route[] {
  const present = (name: string) => isSince(version, since[name] ?? "0");
  const known = new Map(
    Object.entries(tests)
      .filter(([name]) => present(name))
      .map(([name, options]) => {
        const shown = Object.entries(options).filter(([option]) => present(`${name}.${option}`));
        return [name, Object.fromEntries(shown)];
      }),
  );
  return [
    { method: "GET", pattern: testsPath, handle: (call) => listTests(known, call) },
    {
      method: "GET",
      pattern: prefix,
      handle: (call) => withTest(known, call, (name, options) => compact(showTest(name, options))),
    },
    {
      method: "POST",
      pattern: prefix,
      handle: (call) => withTest(known, call, (name, options) => run(store, version, call, name, options)),
    },
  ];
}

function opsgenie(more: Options): Options {
  return {
    teams: null,
    recipients: null,
    ...more,
    "message-type": "CRITICAL",
    message: "test opsgenie message",
    "entity-id": "testEntityID",
  };
}

function listTests(known: ReadonlyMap<string, Options>, call: Call): Answer {
  const pattern = first(call.query, "pattern") || "*";
  if (matchGlob(pattern, "") === undefined) return failure(400, "bad pattern: syntax error in pattern");
  const services = [...known]
    .filter(([name]) => matchGlob(pattern, name) === true)
    .sort(([left], [right]) => compareText(left, right))
    .map(([name, options]) => showTest(name, options));
  return compact({ link: link(testsPath), services: services.length === 0 ? null : services });
}

function withTest(
  known: ReadonlyMap<string, Options>,
  call: Call,
  then: (name: string, options: Options) => Answer,
): Answer {
  const name = call.path.slice(prefix.length).replace(/\/+$/, "");
  if (name === "") return failure(400, "must provide service name");
  const options = known.get(name);
  return options === undefined ? failure(404, `service ${JSON.stringify(name)} not found`) : then(name, options);
}

function run(store: Store, version: string, call: Call, name: string, options: Options): Answer {
  const read = decodeBody(call, optionsShape(name, options));
  if ("error" in read) return failure(400, `failed to decode JSON body:${read.error}`);
  const success = isEnabled(store, version, name) ?? true;
  return compact({ success, message: success ? "" : "service is not enabled" });
}

/** The Go struct of a test's options, told from its defaults. */
function optionsShape(name: string, options: Options): Shape<unknown> {
  const fields = Object.entries(options).map(([option, value]): [string, Shape<unknown>] => {
    if (option === "level") return [option, level];
    if (typeof value === "string") return [option, text];
    if (typeof value === "boolean") return [option, flag];
    const texts = value === null || (Array.isArray(value) && typeof value[0] === "string");
    return [option, texts ? list(text, "[]string") : anything];
  });
  return struct(`${name}.testOptions`, Object.fromEntries(fields));
}

function showTest(name: string, options: Options): Encodable {
  return { link: link(joinPath(testsPath, name)), name, options };
}
