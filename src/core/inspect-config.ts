/** Requests that change the configuration of a running Kapacitor (services/config/service.go). */
import { type AddressPlace, type HandlerKindName, sectionHandlerKind } from "./alert-handlers.ts";
import { type Deny, deny } from "./decision.ts";
import {
  addressTexts,
  firstOf,
  type Inquiry,
  judgeTargets,
  pass,
  sentBy,
  storedSection,
  unparsable,
  type Verdict,
} from "./inspect-parts.ts";
import type { JsonNode } from "./json.ts";
import { type Members, readMap, readStruct } from "./json-readers.ts";
import type { StoredSection } from "./stored-state.ts";
import type { AlertTarget } from "./targets.ts";

const urls = (name: string): readonly AddressPlace[] => [{ name, form: "url" }];
const hosts = (name: string): readonly AddressPlace[] => [{ name, form: "hostport" }];

/** The other sections that can be changed, and where they hold an address that Kapacitor connects to. */
const otherSections: ReadonlyMap<string, readonly AddressPlace[]> = new Map([
  ["influxdb", urls("urls")],
  ["kubernetes", urls("api-servers")],
  ["swarm", urls("servers")],
  ["scraper", urls("proxy-url")],
  ["marathon", urls("servers")],
  ["consul", hosts("address")],
  ["nerve", hosts("servers")],
  ["serverset", hosts("servers")],
  ["static-discovery", hosts("targets")],
  ["triton", hosts("endpoint")],
  ...["azure", "dns", "ec2", "file-discovery", "gce"].map((name) => [name, []] as const),
]);

/** The option that names an element of the other sections: all of them are lists (server/config.go). */
const otherElementKeys: ReadonlyMap<string, string> = new Map([
  ["influxdb", "name"],
  ["scraper", "name"],
]);

/** The names of all sections that have a service test and belong to no alert handler. */
export function isOtherSection(name: string): boolean {
  return otherSections.has(name);
}

/** Where a section that can be changed holds addresses; undefined for one that is not known. */
export function sectionPlaces(section: string): readonly AddressPlace[] | undefined {
  return sectionHandlerKind(section)?.config ?? otherSections.get(section);
}

/** What MQTT's client takes besides TCP. */
const brokerSchemes = ["tcp", "ssl", "tls", "tcps", "mqtt", "mqtts", "ws", "wss"];

interface Change {
  readonly set: ReadonlyMap<string, JsonNode>;
  readonly add: ReadonlyMap<string, JsonNode>;
  readonly removesOptions: readonly string[];
  readonly removesElements: readonly string[];
}

/**
 * `POST /config/SECTION`, with or without a slash or an element behind it. A section of a disabled handler may only be switched off; an address is judged
 * like any other target, in whatever section it stands.
 */
export function judgeConfigChange(inquiry: Inquiry, rest: string, node: JsonNode): Verdict {
  const [section = "", element = ""] = rest.split("/");
  const kind = sectionHandlerKind(section);
  const places = sectionPlaces(section);
  if (places === undefined) {
    const shown = JSON.stringify(section.slice(0, 40));
    return deny("handler_disabled", `${shown} is no section that this gateway knows, so changes of it are refused`, {
      detail: { rule: "any" },
    });
  }
  const change = readChange(node);
  if ("kind" in change) return change;
  const key = kind === undefined ? (otherElementKeys.get(section) ?? "id") : kind.element;
  return firstOf(
    (function* () {
      yield judgeElementNames(key, change);
      if (kind !== undefined && inquiry.rules.disabled.has(kind.kind)) {
        yield judgeDisabledSection(inquiry, kind.kind, section, element, change);
      }
      for (const options of [change.set, change.add]) yield judgeAddresses(inquiry, section, places, options);
    })(),
  );
}

function readChange(node: JsonNode): Change | Deny {
  const members = readStruct(node, ["set", "delete", "add", "remove"]);
  if (!members.ok) return unparsable(members.text, members.offset);
  const set = readOptions(members, "set");
  if ("kind" in set) return set;
  const add = readOptions(members, "add");
  if ("kind" in add) return add;
  const removesOptions = addressTexts(members.get("delete"), "delete");
  if ("kind" in removesOptions) return removesOptions;
  const removesElements = addressTexts(members.get("remove"), "remove");
  if ("kind" in removesElements) return removesElements;
  return { set, add, removesOptions, removesElements };
}

function readOptions(members: Members, name: string): ReadonlyMap<string, JsonNode> | Deny {
  const node = members.get(name);
  if (node === undefined) return new Map();
  const options = readMap(node);
  return options.ok ? options.entries : unparsable(`in "${name}": ${options.text}`, options.offset);
}

/**
 * Kapacitor joins section and element to a path and cleans it: an element `../slack/x` that is added to discord is an element of slack. It checks the names
 * in the path of a request, and not those that `add` and `remove` give.
 */
function judgeElementNames(key: string | undefined, change: Change): Verdict {
  const added = key === undefined ? undefined : change.add.get(key);
  const names = added?.kind === "string" ? [added.value, ...change.removesElements] : change.removesElements;
  const odd = names.find((name) => name.includes("/") || name === "." || name === "..");
  if (odd === undefined) return pass;
  const shown = JSON.stringify(odd.slice(0, 80));
  return deny("handler_disabled", `the element name ${shown} leads to another section; use one without slashes`, {
    detail: { rule: "any" },
  });
}

/** Options that let a section act; everything else in it is without effect while they are off. */
export const switchNames = ["enabled", "global"] as const;

/**
 * A section whose handler is disabled: `set` may switch it off, with whatever else it sets, and `delete` and `remove` may not bring back what
 * kapacitor.conf says about a switch that is off by now.
 */
function judgeDisabledSection(
  inquiry: Inquiry,
  handler: HandlerKindName,
  section: string,
  element: string,
  change: Change,
): Verdict {
  const detail = { rule: "disable-handlers", handler } as const;
  const refusal = deny(
    "handler_disabled",
    `the alert handler of section "${section}" is disabled by the operator; the section can only be switched off ({"set":{"enabled":false}})`,
    { detail },
  );
  if (change.add.size > 0) return refusal;
  const given = switchNames.map((name) => change.set.get(name)).filter((node) => node !== undefined);
  const isOff = given.length > 0 && given.every((node) => node.kind === "boolean" && !node.value);
  if (change.set.size > 0 && !isOff) return refusal;
  if (change.set.size > given.length && change.set.get("enabled") === undefined) return refusal;
  const bringsBack = change.removesOptions.filter((name) => switchNames.some((known) => known === name.toLowerCase()));
  if (bringsBack.length === 0 && change.removesElements.length === 0) return pass;
  const stored = storedSection(inquiry, section);
  if (stored.kind === "absent") return pass;
  if (stored.kind !== "found") return stored;
  const touched = change.removesElements.length > 0 ? change.removesElements : [element];
  const worse = deny(
    "handler_disabled",
    `what kapacitor.conf says about section "${section}" could come back, and its alert handler is disabled by the operator; switch the section off instead ({"set":{"enabled":false}})`,
    { detail },
  );
  return isOnAlready(section, stored.object, touched) ? pass : worse;
}

/** Whether every switch of the elements is on, so that nothing that comes back could be worse. */
function isOnAlready(section: string, stored: StoredSection, elements: readonly string[]): boolean {
  const key = sectionHandlerKind(section)?.element;
  return elements.every((element) => {
    const found = stored.filter((options) => key === undefined || nameOf(options, key) === element);
    return found.every((options) =>
      switchNames.every((name) => {
        const value = options.get(name);
        return value === undefined || (value.kind === "boolean" && value.value);
      }),
    );
  });
}

function nameOf(options: ReadonlyMap<string, JsonNode>, key: string): string | undefined {
  const node = options.get(key);
  return node?.kind === "string" ? node.value : undefined;
}

/** Option names are compared as they are (and in lower case, where a field has no name of its own): any case counts here. */
export function judgeAddresses(
  inquiry: Inquiry,
  section: string,
  places: readonly AddressPlace[],
  options: ReadonlyMap<string, JsonNode>,
): Verdict {
  const targets: { readonly target: AlertTarget; readonly place?: (refusal: Deny) => Deny }[] = [];
  const kind = sectionHandlerKind(section)?.kind;
  const sender = kind === undefined ? {} : { place: sentBy(kind) };
  const port = portOf(options.get("port"));
  for (const [name, node] of options) {
    const place = places.find((known) => known.name === name.toLowerCase());
    if (place === undefined) continue;
    const texts = addressTexts(node, name);
    if ("kind" in texts) return texts;
    for (const text of texts) {
      const schemes = section === "mqtt" ? { schemes: brokerSchemes } : {};
      targets.push({
        target: { text, form: place.form, ...schemes, ...(port === undefined ? {} : { port }) },
        ...sender,
      });
    }
  }
  return judgeTargets(inquiry, targets);
}

/** Kapacitor takes a number for a port, or its digits. */
function portOf(node: JsonNode | undefined): number | undefined {
  const text = node?.kind === "number" ? node.text : node?.kind === "string" ? node.value : "";
  return /^[0-9]{1,5}$/.test(text) ? Number(text) : undefined;
}
