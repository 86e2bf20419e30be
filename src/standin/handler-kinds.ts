/** The kinds of topic handlers and their options, as services/alert/service.go builds them: exact names, no synonyms. */
import { fold, type Plain } from "./go-json-shapes.ts";
import { isSince } from "./version.ts";

interface HandlerKind {
  /** The Go type the options are decoded into; the error names it. undefined: options are not looked at. */
  readonly type: string | undefined;
  readonly since?: string;
  /** Names with their type behind a colon: string (the default), strings, bool, map, texts, any, or a Go number type. */
  readonly options: string;
}

const kinds: Readonly<Record<string, HandlerKind>> = {
  aggregate: { type: "alert.AggregateHandlerConfig", options: "id interval:time.Duration topic message" },
  alerta: {
    type: "alerta.HandlerConfig",
    options:
      "token token-prefix resource event environment group value origin service:strings correlate:strings timeout:time.Duration",
  },
  bigpanda: {
    type: "bigpanda.HandlerConfig",
    since: "1.5.8",
    options: "app-key url host primary-property secondary-property attributes:map",
  },
  discord: { type: "discord.HandlerConfig", since: "1.5.6", options: "workspace username avatar-url embed-title" },
  exec: { type: "alert.ExecHandlerConfig", options: "prog args:strings" },
  hipchat: { type: "hipchat.HandlerConfig", options: "room token" },
  kafka: {
    type: "kafka.HandlerConfig",
    options: "cluster topic template disablePartitionById:bool partitionAlgorithm",
  },
  log: { type: "alert.LogHandlerConfig", options: "path mode:fs.FileMode" },
  mqtt: { type: "mqtt.HandlerConfig", options: "broker-name topic qos:any retained:bool" },
  opsgenie: { type: "opsgenie.HandlerConfig", options: "teams-list:strings recipients-list:strings" },
  opsgenie2: { type: "opsgenie2.HandlerConfig", options: "teams-list:strings recipients-list:strings recovery_action" },
  pagerduty: { type: "pagerduty.HandlerConfig", options: "service-key" },
  pagerduty2: { type: "pagerduty2.HandlerConfig", options: "routing-key links:any" },
  post: {
    type: "httppost.HandlerConfig",
    options: "url endpoint headers:texts capture-response:bool timeout:time.Duration skip-ssl-verification:bool",
  },
  publish: { type: "alert.PublishHandlerConfig", options: "topics:strings" },
  pushover: { type: "pushover.HandlerConfig", options: "device title url url-title sound user-key" },
  sensu: { type: "sensu.HandlerConfig", options: "source handlers:strings metadata:map" },
  servicenow: {
    type: "servicenow.HandlerConfig",
    since: "1.5.7",
    options: "url username password source node type resource metric_name message_key additional_info:map",
  },
  slack: { type: "slack.HandlerConfig", options: "workspace channel username icon-emoji" },
  smtp: { type: "smtp.HandlerConfig", options: "to:strings to-field:strings" },
  snmptrap: { type: "snmptrap.HandlerConfig", options: "trap-oid data-list:any" },
  talk: { type: undefined, options: "" },
  tcp: { type: "alert.TCPHandlerConfig", options: "address" },
  teams: { type: "teams.HandlerConfig", since: "1.5.6", options: "channel-url" },
  telegram: {
    type: "telegram.HandlerConfig",
    options: "chat-id parse-mode disable-web-page-preview:bool disable-notification:bool",
  },
  victorops: { type: "victorops.HandlerConfig", options: "routing-key" },
  zenoss: {
    type: "zenoss.HandlerConfig",
    since: "1.6.0",
    options:
      "action method type tid:int64 summary device component eventclasskey eventclass message collector customField:map",
  },
};

/** Why a handler of this kind cannot be built from these options; undefined when it can. */
export function refuseHandler(
  kind: string,
  options: ReadonlyMap<string, Plain> | null,
  version: string,
): string | undefined {
  const known = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  if (known === undefined || !isSince(version, known.since ?? "0")) return unsupportedKind(kind);
  if (known.type === undefined) return undefined;
  const errors = allErrors(known.options, options ?? new Map());
  if (errors.length === 0) return undefined;
  const list = errors
    .toSorted()
    .map((error) => `* ${error}`)
    .join("\n");
  return `failed to decode options into *${known.type}: ${errors.length} error(s) decoding:\n\n${list}`;
}

export function unsupportedKind(kind: string): string {
  return `unsupported action kind ${JSON.stringify(kind)}`;
}

/** The value of an option whatever the case of its name, as mapstructure finds it. */
export function option(options: ReadonlyMap<string, Plain> | null, name: string): Plain | undefined {
  const key = keyOf(options ?? new Map(), name);
  return key === undefined ? undefined : options?.get(key);
}

function keyOf(options: ReadonlyMap<string, Plain>, name: string): string | undefined {
  return options.has(name) ? name : [...options.keys()].find((key) => fold(key) === fold(name));
}

function allErrors(declared: string, options: ReadonlyMap<string, Plain>): readonly string[] {
  const unused = new Set(options.keys());
  const errors: string[] = [];
  for (const [, name = "", type = "string"] of declared.matchAll(/([^ :]+)(?::([\w.]+))?/g)) {
    const key = keyOf(options, name);
    if (key === undefined) continue;
    unused.delete(key);
    errors.push(...optionErrors(name, type, options.get(key) ?? null));
  }
  if (unused.size > 0) errors.push(`'' has invalid keys: ${[...unused].toSorted().join(", ")}`);
  return errors;
}

/** What mapstructure says of one option. */
function optionErrors(name: string, type: string, value: Plain): readonly string[] {
  if (value === null || type === "any") return [];
  const given = goType(value);
  if (type === "strings") {
    if (!isList(value)) {
      return [`'${name}': source data must be an array or slice, got ${given.replace(/\[.*/, "")}`];
    }
    return value.flatMap((item, at) => optionErrors(`${name}[${at}]`, "string", item));
  }
  if (type === "map" || type === "texts") {
    if (!(value instanceof Map)) return [`'${name}' expected a map, got '${given}'`];
    if (type === "map") return [];
    return [...value].flatMap(([key, item]) => optionErrors(`${name}[${key}]`, "string", item));
  }
  const fits = type === "string" || type === "bool" ? given === type : given === "float64";
  return fits ? [] : [`'${name}' expected type '${type}', got unconvertible type '${given}'`];
}

function isList(value: Plain): value is readonly Plain[] {
  return Array.isArray(value);
}

function goType(value: Plain): string {
  if (typeof value === "number") return "float64";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "string") return "string";
  return Array.isArray(value) ? "[]interface {}" : "map[string]interface {}";
}
