/**
 * What Kapacitor 1.5 to 1.8 documents for a script: the `|name` methods, which node each one gives, and the `.name` properties of every node and handler.
 * Source: the struct fields and `tick` tags of pipeline/*.go at v1.5.0 to v1.8.3, less what is marked `tick:ignore` without a method of its own.
 *
 * Kapacitor finds methods and fields by reflection, so it knows many more names than these. Nothing that is not listed here may pass: `|unmarshalJSON()`
 * makes any handler without its name, and `.URL('…')` behind `.post('…')` replaces the address.
 */
import { methodName } from "../tickscript/characters.ts";
import { type AddressForm, type HandlerKindName, handlerKinds } from "./alert-handlers.ts";

/** The documented properties of each node by the chain method that gives it. */
const nodeProperties = {
  alert:
    "category topic id message details info warn crit infoReset warnReset critReset history levelTag levelField messageField durationField idTag idField",
  barrier: "idle period delete",
  changeDetect: "",
  combine: "as delimiter tolerance max",
  default: "field tag",
  delete: "field tag",
  derivative: "as unit nonNegative",
  ec2Autoscale:
    "cluster groupName groupNameTag outputGroupNameTag currentField max min replicas increaseCooldown decreaseCooldown",
  eval: "as tags keep",
  flatten: "on delimiter tolerance dropOriginalFieldName",
  from: "where groupBy groupByMeasurement database retentionPolicy measurement truncate round",
  groupBy: "exclude byMeasurement",
  httpOut: "",
  httpPost: "endpoint header codeField captureResponse timeout",
  influxDBOut:
    "cluster database retentionPolicy measurement writeConsistency precision buffer flushInterval tag create",
  influxQL: "as usePointTimes",
  join: "as on delimiter deleteAll streamName tolerance fill",
  k8sAutoscale:
    "cluster namespace kind resourceName resourceNameTag currentField max min replicas increaseCooldown decreaseCooldown namespaceTag kindTag resourceTag",
  kapacitorLoopback: "database retentionPolicy measurement tag",
  log: "level prefix",
  query: "period every align cron offset alignGroup groupBy groupByMeasurement fill cluster",
  queryFlux: "period every align cron offset cluster org orgID",
  sample: "",
  shift: "",
  sideload: "source order field tag",
  stateCount: "as",
  stateDuration: "as unit",
  stats: "align",
  swarmAutoscale:
    "cluster serviceName serviceNameTag outputServiceNameTag currentField max min replicas increaseCooldown decreaseCooldown",
  trickle: "",
  union: "rename",
  where: "",
  window: "period every align fillPeriod periodCount everyCount",
} as const;

/** `source` is what the variables `stream` and `batch` hold. */
export type NodeName = keyof typeof nodeProperties | "source" | "udf";

/** Chain methods that give a node of another name. */
const otherChainMethods: readonly (readonly [node: NodeName, methods: string])[] = [
  ["alert", "deadman"],
  [
    "influxQL",
    "bottom count cumulativeSum difference distinct elapsed first holtWinters holtWintersWithFit last max mean median min mode movingAverage percentile spread stddev sum top",
  ],
];

/**
 * Properties of the alert node that are methods and give the alert node back, whatever handler they follow: in `.opsGenie().all().teams('x')` the last is the
 * handler. (Those that are fields give their receiver back.)
 */
const backToAlert: ReadonlySet<string> = methods("all noRecoveries stateChangesOnly flapping inhibit");

/** The documented properties of each handler, besides those of the alert node. */
const handlerProperties: Readonly<Record<HandlerKindName, string>> = {
  aggregate: "",
  publish: "",
  alerta: "token resource event environment group value origin services correlated attribute timeout",
  bigpanda: "appKey host primaryProperty secondaryProperty attribute",
  discord: "workspace username avatarURL embedTitle",
  exec: "",
  hipchat: "room token",
  kafka: "cluster kafkaTopic disablePartitionById partitionHashAlgorithm template",
  log: "mode",
  mqtt: "brokerName topic qos retained",
  opsgenie: "teams recipients",
  opsgenie2: "teams recipients recoveryAction details",
  pagerduty: "serviceKey",
  pagerduty2: "routingKey link serviceKey",
  post: "endpoint header captureResponse timeout skipSSLVerification",
  pushover: "userKey device title URL URLTitle sound",
  sensu: "source handlers metadata",
  servicenow: "URL username password source node type resource metricName messageKey additionalInfo",
  slack: "workspace channel username iconEmoji",
  smtp: "to toTemplates",
  snmptrap: "data",
  talk: "",
  tcp: "address",
  teams: "channelURL",
  telegram: "chatId parseMode disableWebPagePreview disableNotification",
  victorops: "routingKey",
  zenoss:
    "URL username password action method type tid collector summary device component eventClassKey eventClass message customField",
};

/** Every node has it. */
const quiet = methodName("quiet");

/** The field that says which UDF a UDF node runs: settable, so `@allowed().uDFName('other')` would run the other one. */
const udfName = methodName("uDFName");

const chainMethods: ReadonlyMap<string, NodeName> = new Map([
  ...Object.keys(nodeProperties)
    .filter((node) => node !== "influxQL")
    .map((node) => [methodName(node), node as NodeName] as const),
  ...otherChainMethods.flatMap(([node, names]) => [...methods(names)].map((name) => [name, node] as const)),
]);

const ofNode: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries(nodeProperties).map(([node, names]) => [node, methods(names)]),
);

const ofHandler: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries(handlerProperties).map(([kind, names]) => [kind, methods(names)]),
);

const targetsOfHandler: ReadonlyMap<string, ReadonlyMap<string, AddressForm>> = new Map(
  handlerKinds.map(({ kind, properties }) => [kind, new Map(properties.map(({ name, form }) => [name, form]))]),
);

/** The node that a `|name` gives; undefined for a name that is not documented, which must be refused. Takes the name that Kapacitor looks up (methodName). */
export function chainNode(name: string): NodeName | undefined {
  return chainMethods.get(name);
}

export type Property =
  /** Gives the receiver back. */
  | { readonly gives: "receiver"; readonly address?: AddressForm }
  /** Gives the alert node. */
  | { readonly gives: "alert" };

const plain: Property = { gives: "receiver" };

/** A documented property of a node, handlers not among them; undefined for all others, which must be refused. Takes the name that Kapacitor looks up. */
export function nodeProperty(node: NodeName, name: string): Property | undefined {
  if (name === quiet) return plain;
  if (node === "alert" && backToAlert.has(name)) return { gives: "alert" };
  if (node === "udf") return name === udfName ? undefined : plain;
  if (ofNode.get(node)?.has(name) !== true) return undefined;
  return node === "sideload" && name === sideloadSource ? { gives: "receiver", address: "url" } : plain;
}

const sideloadSource = methodName("source");

/** A property that a handler has besides those of its alert node; it hides a handler of the same name. Undefined: ask the alert node. */
export function handlerProperty(handler: HandlerKindName, name: string): Property | undefined {
  if (ofHandler.get(handler)?.has(name) !== true) return undefined;
  const address = targetsOfHandler.get(handler)?.get(name);
  return address === undefined ? plain : { gives: "receiver", address };
}

function methods(names: string): ReadonlySet<string> {
  return new Set(names.split(" ").filter(Boolean).map(methodName));
}
