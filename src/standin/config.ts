import { type Answer, type Call, compact, failure, link, noContent, panic } from "./answer.ts";
import { decodeBody } from "./body.ts";
import { type Option, type Section, sectionsOf } from "./config-sections.ts";
import { anything, list, map, type Plain, struct, text } from "./go-json-shapes.ts";
import { compareText, type Encodable } from "./go-json-write.ts";
import { joinPath } from "./go-url.ts";
import { basePath, type Route } from "./mux.ts";
import type { Override, Store } from "./store.ts";
import { isSince } from "./version.ts";

const configPath = `${basePath}/config`;
const prefix = `${configPath}/`;
const name = /^[-\w+]+$/;

const actionShape = struct("config.updateAction", {
  set: map(anything, "map[string]interface {}"),
  delete: list(text, "[]string"),
  add: map(anything, "map[string]interface {}"),
  remove: list(text, "[]string"),
});

type Values = ReadonlyMap<string, Plain>;

/** services/config/service.go: what the file says, with what was set over it. */
export function configRoutes(store: Store, version: string): readonly Route[] {
  const config = new Config(store, version);
  return [
    { method: "GET", pattern: configPath, handle: () => compact(config.show()) },
    { method: "GET", pattern: prefix, handle: (call) => config.read(call) },
    { method: "POST", pattern: prefix, handle: (call) => config.change(call) },
  ];
}

/** Whether a section is there and enabled in one of its elements; undefined when it has no such switch. */
export function isEnabled(store: Store, version: string, section: string): boolean | undefined {
  return new Config(store, version).enabled(section);
}

/** Whether a list has this element. */
export function hasElement(store: Store, version: string, section: string, element: string): boolean {
  return new Config(store, version).element(section, element) !== undefined;
}

/** Whether a list has this element and it is enabled. */
export function isElementEnabled(store: Store, version: string, section: string, element: string): boolean {
  return new Config(store, version).element(section, element)?.get("enabled") === true;
}

class Config {
  readonly #store: Store;
  readonly #version: string;
  readonly #sections: ReadonlyMap<string, Section>;

  constructor(store: Store, version: string) {
    this.#store = store;
    this.#version = version;
    this.#sections = sectionsOf(version);
  }

  enabled(sectionName: string): boolean | undefined {
    const section = this.#sections.get(sectionName);
    if (section === undefined || !section.options.has("enabled")) return undefined;
    return this.#elements(sectionName, section).some((element) => element.get("enabled") === true);
  }

  element(sectionName: string, elementName: string): Values | undefined {
    const section = this.#sections.get(sectionName);
    if (section === undefined) return undefined;
    return this.#elements(sectionName, section).find((element) => identity(section, element) === elementName);
  }

  show(): Encodable {
    const sections = [...this.#sections].flatMap(([sectionName, section]) => {
      const shown = this.#showSection(sectionName, section);
      return shown === undefined ? [] : [[sectionName, shown] as const];
    });
    return { link: link(configPath), sections: new Map(sections) };
  }

  read(call: Call): Answer {
    const { sectionName, elementName, hasElement } = this.#place(call);
    if (sectionName === "") return failure(400, "section not specified, do you have an extra trailing '/'?");
    const section = this.#sections.get(sectionName);
    const shown = section === undefined ? undefined : this.#showSection(sectionName, section);
    if (section === undefined || shown === undefined) return failure(404, `unknown section: ${sectionName}`);
    if (!hasElement) return compact(shown);
    const found = this.#elements(sectionName, section).find((element) => identity(section, element) === elementName);
    if (found === undefined) return failure(404, `unknown section/element: ${sectionName}/${elementName}`);
    return compact(showElement(sectionName, section, found));
  }

  change(call: Call): Answer {
    const { sectionName, elementName, hasElement } = this.#place(call);
    const read = decodeBody(call, actionShape);
    if ("error" in read) return failure(400, `failed to decode JSON:${read.error}`);
    const action = { ...read.value, remove: read.value.remove ?? [], add: read.value.add ?? new Map() };
    const changes = (read.value.set?.size ?? 0) > 0 || (read.value.delete ?? []).length > 0;
    const invalid =
      invalidName(sectionName, elementName) ??
      invalidMix(changes, action.add.size > 0, action.remove.length > 0, elementName, hasElement);
    if (invalid !== undefined) return failure(400, `failed to apply update: invalid update action: ${invalid}`);
    if (action.remove.length > 0) {
      if (!this.#sections.has(sectionName)) return unknownService(`${sectionName}/`, sectionName);
      for (const element of action.remove) this.#store.overrides.delete(overrideId(sectionName, element));
      return noContent;
    }
    if (action.add.size > 0) return this.#add(sectionName, action.add);
    return this.#set(sectionName, elementName, read.value.set ?? new Map(), read.value.delete ?? []);
  }

  #add(sectionName: string, added: Values): Answer {
    const section = this.#sections.get(sectionName);
    const refuse = (text: string) => failure(400, `failed to apply update: ${text}`);
    if (section === undefined) return refuse(`unknown section ${JSON.stringify(sectionName)}`);
    if (section.key === "")
      return refuse(`section ${JSON.stringify(sectionName)} is not a list, cannot add new element`);
    const element = added.get(section.key);
    if (element === undefined) return refuse(`missing key ${JSON.stringify(section.key)} in "add" map`);
    if (typeof element !== "string") {
      return refuse(`expected ${JSON.stringify(section.key)} key to be a string, got ${goType(element)}`);
    }
    const id = overrideId(sectionName, element);
    // An error without a cause is none in Go: the handler goes on with a nil function.
    if (this.#store.overrides.has(id)) return panic;
    return this.#save(`${sectionName}/`, id, section, { create: true, options: added });
  }

  #set(sectionName: string, elementName: string, set: Values, removed: readonly string[]): Answer {
    const id = overrideId(sectionName, elementName);
    const before = this.#store.overrides.get(id) ?? { create: false, options: new Map<string, Plain>() };
    const options = new Map([...before.options, ...set]);
    for (const option of removed) options.delete(option);
    const section = this.#sections.get(sectionName);
    if (section === undefined || !(before.create || isInFile(section, elementName))) {
      if (options.size > 0) return unknownOptions(id, [...options.keys()], sectionName);
      if (section !== undefined) return noContent;
      return failure(400, `failed to override configuration ${id}: unknown section ${sectionName}`);
    }
    return this.#save(id, id, section, { create: before.create, options });
  }

  #save(shownId: string, id: string, section: Section, override: Override): Answer {
    const unknown = [...override.options.keys()].filter((option) => !section.options.has(option));
    if (unknown.length > 0) return unknownOptions(shownId, unknown, id.slice(0, id.indexOf("/")));
    const renames = !override.create && override.options.has(section.key);
    if (renames) {
      return failure(400, `failed to override configuration ${shownId}: cannot override element key ${section.key}`);
    }
    for (const [option, value] of override.options) {
      const refused = refuseValue(section.options.get(option), value);
      if (refused !== undefined) {
        return failure(400, `failed to override configuration ${shownId}: cannot set option ${option}: ${refused}`);
      }
    }
    const options = [...override.options].map(([option, value]) => [option, stored(section, option, value)] as const);
    this.#store.overrides.set(id, { create: override.create, options: new Map(options) });
    return noContent;
  }

  /** Section and element of a path. A third part makes 1.5 see no section at all, 1.6 an element with a slash in it. */
  #place(call: Call): { sectionName: string; elementName: string; hasElement: boolean } {
    const [sectionName = "", ...rest] = call.path.slice(prefix.length).split("/");
    if (rest.length > 1 && !isSince(this.#version, "1.6.0"))
      return { sectionName: "", elementName: "", hasElement: false };
    const elementName = rest.join("/");
    return {
      sectionName,
      elementName,
      hasElement: elementName !== "" || (sectionName !== "" && call.path.endsWith("/")),
    };
  }

  #elements(sectionName: string, section: Section): readonly Values[] {
    const standard = [...section.options].map(([option, { standard }]) => [option, standard] as const);
    // What is set on a list as such goes to every element of the file, and what is set on one of them wins.
    const fromFile = section.elements.map((element) => {
      const ids = new Set([overrideId(sectionName, ""), overrideId(sectionName, identity(section, element))]);
      const overrides = [...ids].map((id) => this.#store.overrides.get(id));
      const set = overrides.flatMap((override) => (override?.create === false ? [...override.options] : []));
      return new Map([...standard, ...element, ...set]);
    });
    const created = [...this.#store.overrides]
      .filter(([id, { create }]) => create && id.startsWith(`${sectionName}/`))
      .sort(([left], [right]) => compareText(left, right))
      .map(([, { options }]) => new Map([...standard, ...options]));
    return [...fromFile, ...created];
  }

  #showSection(sectionName: string, section: Section): Encodable | undefined {
    const elements = this.#elements(sectionName, section);
    if (elements.length === 0) return undefined;
    return {
      link: link(joinPath(configPath, sectionName)),
      elements: elements.map((element) => showElement(sectionName, section, element)),
    };
  }
}

function overrideId(sectionName: string, elementName: string): string {
  return `${sectionName}/${elementName}`;
}

/** Whether the file has something that an override of this element would change. */
function isInFile(section: Section, elementName: string): boolean {
  if (elementName === "") return section.elements.length > 0;
  return section.elements.some((element) => identity(section, element) === elementName);
}

function unknownService(id: string, sectionName: string): Answer {
  const reason = `received configuration update for unknown dynamic service ${sectionName}`;
  return failure(500, `failed to update configuration ${id}: ${reason}`);
}

/** Numbers may be given as text. */
function stored(section: Section, option: string, value: Plain): Plain {
  return section.options.get(option)?.type === "number" ? Number(value) : value;
}

function identity(section: Section, element: Values): string {
  return section.key === "" ? "" : String(element.get(section.key) ?? "");
}

function showElement(sectionName: string, section: Section, element: Values): Encodable {
  const id = identity(section, element);
  const secrets = [...section.options].filter(([, { secret }]) => secret).map(([option]) => option);
  const options = [...element].map(
    ([option, value]) => [option, secrets.includes(option) ? isSet(value) : value] as const,
  );
  return {
    link: link(id === "" ? `${joinPath(configPath, sectionName)}/` : joinPath(configPath, sectionName, id)),
    options: new Map<string, Encodable>(options),
    redacted: secrets.length === 0 ? null : secrets,
  };
}

function isSet(value: Plain): boolean {
  return value !== "" && value !== null && !(value instanceof Map && value.size === 0);
}

function invalidName(sectionName: string, elementName: string): string | undefined {
  if (sectionName === "") return "must provide section name";
  if (!name.test(sectionName)) return `invalid section name ${JSON.stringify(sectionName)}`;
  return elementName === "" || name.test(elementName)
    ? undefined
    : `invalid element name ${JSON.stringify(elementName)}`;
}

function invalidMix(
  changes: boolean,
  adds: boolean,
  removes: boolean,
  elementName: string,
  hasElement: boolean,
): string | undefined {
  if (changes && (adds || removes)) {
    return "cannot provide both set/delete and add/remove actions in the same update";
  }
  if (adds && elementName !== "") return "must not provide an element name when adding an a new override";
  if (removes && elementName !== "") return "must not provide element when removing an override";
  return adds || removes || hasElement ? undefined : "element not specified, are you missing a trailing '/'?";
}

function unknownOptions(id: string, options: readonly string[], sectionName: string): Answer {
  const names = options.toSorted(compareText).join(" ");
  return failure(400, `failed to override configuration ${id}: unknown options [${names}] in section ${sectionName}`);
}

const kinds = { text: "string", flag: "bool", list: "slice", map: "map" } as const;

/** Why a value does not fit an option (services/config/override); undefined when it does. */
function refuseValue(option: Option | undefined, value: Plain): string | undefined {
  if (option === undefined) return undefined;
  const given = goKind(value);
  if (option.type === "number") {
    if (given === "float64" || (typeof value === "string" && /^[+-]?\d+$/.test(value))) return undefined;
    return given === "string"
      ? `cannot convert string ${JSON.stringify(value)} into int`
      : `cannot convert ${given} into int`;
  }
  if (option.type === "duration") return given === "string" ? undefined : `cannot unmarshal ${given} into int64`;
  const wanted = kinds[option.type];
  return given === wanted ? undefined : `wrong kind ${given}, expected value of kind ${wanted}: false`;
}

function goKind(value: Plain): string {
  if (value === null) return "invalid";
  return Array.isArray(value) ? "slice" : value instanceof Map ? "map" : goType(value);
}

function goType(value: Plain): string {
  if (value === null) return "<nil>";
  if (typeof value === "object") return Array.isArray(value) ? "[]interface {}" : "map[string]interface {}";
  return typeof value === "number" ? "float64" : typeof value === "boolean" ? "bool" : "string";
}
