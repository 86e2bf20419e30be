/**
 * The one registry of alert handler kinds in Kapacitor 1.5 to 1.8; every other table of them is derived from it.
 * Sources: createHandlerFromSpec in services/alert/service.go, pipeline/alert.go, services/NAME/config.go and service.go.
 */
import { methodName } from "../tickscript/characters.ts";

/** `url`: as Go's net/http takes it; `host`: a name or an address, maybe with a port; `hostport`: as net.Dial takes it. */
export type AddressForm = "url" | "hostport" | "host";

/** A named place that an address is written in. */
export interface AddressPlace {
  readonly name: string;
  readonly form: AddressForm;
}

interface Row {
  /** The method of an alert node in TICKscript. */
  readonly method?: string;
  /** A chain method in TICKscript that does the same without an alert. */
  readonly node?: string;
  /** The section of kapacitor.conf and of `/config`; also the name of the service test. */
  readonly section?: string;
  /** The option that names an element, where the section is a list. */
  readonly element?: string;
  /** The first release that has it; 1.5.0 for all that are older. */
  readonly since?: string;
  /** The first argument of the method (and of the node) is an address. */
  readonly argument?: AddressForm;
  /** Properties behind the method that give an address, as Kapacitor looks them up. */
  readonly properties?: readonly AddressPlace[];
  /** Options of a topic handler that give an address, compared case-folded (mapstructure). */
  readonly options?: readonly AddressPlace[];
  /** Options of the configuration section that give an address, compared as they are. */
  readonly config?: readonly AddressPlace[];
  /** Options of the service test that give an address (a struct: Go folds the names). */
  readonly test?: readonly AddressPlace[];
}

const url: readonly AddressPlace[] = [{ name: "url", form: "url" }];

const registry = {
  aggregate: {},
  publish: {},
  alerta: { method: "alerta", section: "alerta", config: url },
  bigpanda: { method: "bigPanda", section: "bigpanda", since: "1.5.8", options: url, config: url },
  discord: { method: "discord", section: "discord", element: "workspace", since: "1.5.6", config: url },
  exec: { method: "exec" },
  hipchat: { method: "hipChat", section: "hipchat", config: url },
  kafka: { method: "kafka", section: "kafka", element: "id", config: [{ name: "brokers", form: "hostport" }] },
  log: { method: "log" },
  mqtt: { method: "mqtt", section: "mqtt", element: "name", config: url },
  opsgenie: {
    method: "opsGenie",
    section: "opsgenie",
    config: [...url, { name: "recovery_url", form: "url" }],
  },
  opsgenie2: { method: "opsGenie2", section: "opsgenie2", config: url },
  pagerduty: { method: "pagerDuty", section: "pagerduty", config: url },
  pagerduty2: { method: "pagerDuty2", section: "pagerduty2", config: url },
  post: {
    method: "post",
    node: "httpPost",
    section: "httppost",
    element: "endpoint",
    argument: "url",
    options: url,
    config: url,
    test: url,
  },
  pushover: { method: "pushover", section: "pushover", config: url },
  sensu: { method: "sensu", section: "sensu", config: [{ name: "addr", form: "hostport" }] },
  servicenow: {
    method: "serviceNow",
    section: "servicenow",
    since: "1.5.7",
    properties: [{ name: "URL", form: "url" }],
    options: url,
    config: url,
  },
  slack: { method: "slack", section: "slack", element: "workspace", config: url },
  smtp: { method: "email", section: "smtp", config: [{ name: "host", form: "host" }] },
  snmptrap: { method: "snmpTrap", section: "snmptrap", config: [{ name: "addr", form: "hostport" }] },
  talk: { method: "talk", section: "talk", config: url },
  tcp: {
    method: "tcp",
    argument: "hostport",
    properties: [{ name: "Address", form: "hostport" }],
    options: [{ name: "address", form: "hostport" }],
  },
  teams: {
    method: "teams",
    section: "teams",
    since: "1.5.6",
    properties: [{ name: "ChannelURL", form: "url" }],
    options: [{ name: "channel-url", form: "url" }],
    config: [{ name: "channel-url", form: "url" }],
    test: [{ name: "channel_url", form: "url" }],
  },
  telegram: { method: "telegram", section: "telegram", config: url },
  victorops: { method: "victorOps", section: "victorops", config: url },
  zenoss: {
    method: "zenoss",
    section: "zenoss",
    since: "1.6.0",
    properties: [{ name: "URL", form: "url" }],
    config: url,
  },
} as const satisfies Readonly<Record<string, Row>>;

/** The name of a kind: Kapacitor's own `kind` of topic handlers. */
export type HandlerKindName = keyof typeof registry;

export interface HandlerKind extends Row {
  readonly kind: HandlerKindName;
  readonly since: string;
  readonly properties: readonly AddressPlace[];
  readonly options: readonly AddressPlace[];
  readonly config: readonly AddressPlace[];
  readonly test: readonly AddressPlace[];
}

function complete([kind, row]: [string, Row]): HandlerKind {
  const none: readonly AddressPlace[] = [];
  return {
    since: "1.5.0",
    properties: none,
    options: none,
    config: none,
    test: none,
    ...row,
    kind: kind as HandlerKindName,
  };
}

/** All kinds, in alphabetical order save the two without a service. */
export const handlerKinds: readonly HandlerKind[] = Object.entries<Row>(registry).map(complete);

/** Every spelling that an operator may write, folded: `httppost`, `post` and `httpPost` are one kind. */
const spellings: ReadonlyMap<string, HandlerKind> = new Map(
  handlerKinds.flatMap((kind) =>
    [kind.kind, kind.method, kind.node, kind.section]
      .filter((name) => name !== undefined)
      .map((name) => [fold(name), kind] as const),
  ),
);

/** Kapacitor's own names of all kinds, for texts that list them. */
export const handlerNames: readonly HandlerKindName[] = handlerKinds.map(({ kind }) => kind);

/**
 * The kind that an operator means by a name: its topic kind, TICKscript method or node, or configuration section, in any case.
 * Undefined for all else, which must be refused: a misspelt name would leave the handler open.
 */
export function findHandlerKind(name: string): HandlerKind | undefined {
  return spellings.get(fold(name));
}

/** What Kapacitor compares exactly: the `kind` of a topic handler. */
const byKind: ReadonlyMap<string, HandlerKind> = new Map(handlerKinds.map((kind) => [kind.kind, kind]));

/** The kind of a topic handler, as exactly as Kapacitor compares it; undefined for what it does not know (and what may be a kind of a later release). */
export function topicHandlerKind(kind: string): HandlerKind | undefined {
  return byKind.get(kind);
}

const bySection: ReadonlyMap<string, HandlerKind> = new Map(
  handlerKinds.flatMap((kind) => (kind.section === undefined ? [] : [[kind.section, kind] as const])),
);

/** The kind behind a section of `/config`, and behind the service test of that name. */
export function sectionHandlerKind(section: string): HandlerKind | undefined {
  return bySection.get(section);
}

const byMethod: ReadonlyMap<string, HandlerKind> = new Map(
  handlerKinds.flatMap((kind) => (kind.method === undefined ? [] : [[methodName(kind.method), kind] as const])),
);

/** The kind that a property method of an alert node makes; takes the name that Kapacitor looks up (methodName). */
export function methodHandlerKind(method: string): HandlerKind | undefined {
  return byMethod.get(method);
}

const byNode: ReadonlyMap<string, HandlerKind> = new Map(
  handlerKinds.flatMap((kind) => (kind.node === undefined ? [] : [[methodName(kind.node), kind] as const])),
);

/** The kind that a chain method makes; takes the name that Kapacitor looks up (methodName). */
export function nodeHandlerKind(method: string): HandlerKind | undefined {
  return byNode.get(method);
}

export interface DisabledHandlers {
  readonly disabled: ReadonlySet<HandlerKindName>;
  /** Names that are no handler: the configuration is wrong. */
  readonly problems: readonly HandlerNameRemark[];
  /** The list is legal and probably not what the operator wants. */
  readonly warnings: readonly HandlerNameRemark[];
}

export interface HandlerNameRemark {
  /** As the operator wrote it. */
  readonly name: string;
  readonly text: string;
}

/**
 * Reads `disable-handlers`. `nearest` may find the name that was meant (configuration has such a function). A name that is no handler is a problem, never
 * skipped.
 */
export function compileDisabled(
  names: readonly string[],
  nearest: (name: string, known: readonly string[]) => string | undefined = () => undefined,
): DisabledHandlers {
  const disabled = new Set<HandlerKindName>();
  const problems: HandlerNameRemark[] = [];
  for (const name of names) {
    const found = findHandlerKind(name);
    if (found !== undefined) {
      disabled.add(found.kind);
      continue;
    }
    const near = nearest(name, [...spellings.keys()]);
    const hint = near === undefined ? "" : `did you mean ${near}? `;
    problems.push({ name, text: `is no alert handler; ${hint}known are: ${handlerNames.join(", ")}` });
  }
  const warnings: HandlerNameRemark[] = [];
  const exec = names.find((name) => findHandlerKind(name)?.kind === "exec");
  if (exec !== undefined && !disabled.has("log")) {
    warnings.push({
      name: exec,
      text: "is disabled and log is not: the log handler writes text that a client chooses to any file, executable ones as well; add log",
    });
  }
  return { disabled, problems, warnings };
}

function fold(name: string): string {
  return name.trim().toLowerCase();
}
