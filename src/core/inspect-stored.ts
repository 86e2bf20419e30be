/** What Kapacitor has stored already, judged as if it were defined now: by the same judgements as requests. */
import { type HandlerKind, sectionHandlerKind } from "./alert-handlers.ts";
import { deny } from "./decision.ts";
import { isOtherSection, judgeAddresses, sectionPlaces } from "./inspect-config.ts";
import { firstOf, type Inquiry, judgeObjectId, pass, type Verdict } from "./inspect-parts.ts";
import { judgeScript } from "./inspect-script.ts";
import type { JsonNode } from "./json.ts";
import { readFolded, readStruct } from "./json-readers.ts";
import { inspectScript } from "./script-policy.ts";
import type { AuditedElement, AuditedTask, AuditedTemplate } from "./stored-lists.ts";

/** A task: its own script and vars are what runs, wherever the script once came from. */
export function judgeStoredTask(inquiry: Inquiry, id: string, { script, vars }: AuditedTask): Verdict {
  return firstOf(
    (function* () {
      yield judgeObjectId("task", id);
      yield judgeScript(inquiry, { source: script, vars });
    })(),
  );
}

/** A template: what hangs on vars is judged with its tasks. */
export function judgeStoredTemplate(inquiry: Inquiry, { script }: AuditedTemplate): Verdict {
  return judgeScript(inquiry, { source: script, vars: undefined });
}

/**
 * An element of a section. Refused are one of a disabled handler that is switched on, and addresses of one that is on. Addresses of other sections (the
 * InfluxDB that Kapacitor reads, where it discovers targets) are no alert targets: only those that lead back to Kapacitor or the gateway are refused.
 * An address that Kapacitor shows as a secret cannot be judged.
 */
export function judgeStoredElement(inquiry: Inquiry, { section, options }: AuditedElement): Verdict {
  const kind = sectionHandlerKind(section);
  const isGlobal = isOn(options, "global");
  const isActive = isGlobal || isOn(options, "enabled");
  const isKnown = kind !== undefined || isOtherSection(section);
  if (!isKnown && isActive) {
    const shown = JSON.stringify(section.slice(0, 40));
    return deny("handler_disabled", `${shown} is no section that this gateway knows, and it is switched on`, {
      detail: { rule: "any" },
    });
  }
  if (!isKnown || (!isActive && options.has("enabled"))) return pass;
  if (kind !== undefined && isActive && inquiry.rules.disabled.has(kind.kind)) return disabled(kind, isGlobal);
  if (section === "httppost" && isExample(options)) return pass;
  const verdict = judgeAddresses(inquiry, section, sectionPlaces(section) ?? [], textsOf(options));
  if (kind !== undefined || verdict.kind !== "deny") return verdict;
  return verdict.detail?.rule === "own-addresses" ? verdict : pass;
}

function disabled({ kind }: HandlerKind, isGlobal: boolean): Verdict {
  const text = isGlobal
    ? `the alert handler "${kind}" is disabled by the operator, and global = true adds it to every alert that names none of its kind`
    : `the alert handler "${kind}" is disabled by the operator, and its section is enabled`;
  return deny("handler_disabled", text, { detail: { rule: "disable-handlers", handler: kind } });
}

/** Whether a switch of an element is on. */
export function isOn(options: ReadonlyMap<string, JsonNode>, name: "enabled" | "global"): boolean {
  const node = options.get(name);
  return node?.kind === "boolean" && node.value;
}

/** The end point that every Kapacitor has when its configuration has none (services/httppost/config.go, NewConfig). */
function isExample(options: ReadonlyMap<string, JsonNode>): boolean {
  const textOf = (name: string): string => {
    const node = options.get(name);
    return node?.kind === "string" ? node.value : "";
  };
  return textOf("endpoint") === "example" && textOf("url") === "http://example.com";
}

/** What can hold an address: a secret is shown as a boolean, and other kinds of values are no addresses. */
function textsOf(options: ReadonlyMap<string, JsonNode>): ReadonlyMap<string, JsonNode> {
  return new Map(
    [...options].filter(
      ([name, node]) =>
        name === "port" ||
        node.kind === "string" ||
        (node.kind === "array" && node.items.every((item) => item.kind === "string")),
    ),
  );
}

/** The name of an element in its section; "" where there is only one. */
export function elementName({ section, options }: AuditedElement): string {
  const key = sectionHandlerKind(section)?.element;
  const names = key !== undefined ? [key] : isOtherSection(section) ? ["id", "name"] : [];
  for (const name of names) {
    const node = options.get(name);
    if (node?.kind === "string") return node.value;
  }
  return "";
}

/** Topics that a script publishes to by a name that is known. */
export function topicsOfScript({ script, vars }: AuditedTask): readonly string[] {
  const report = inspectScript(script, { disabled: new Set(), udfs: new Set(), vars });
  return report.ok ? report.topics.flatMap(({ text }) => (text.constant ? [text.value] : [])) : [];
}

/** Topics that a topic handler forwards to (`publish`: topics, `aggregate`: topic). */
export function topicsOfHandler(document: JsonNode): readonly string[] {
  const members = readStruct(document, []);
  const options = members.ok ? members.get("options") : undefined;
  const read = options === undefined ? undefined : readFolded(options);
  if (read?.ok !== true) return [];
  const values = [read.get("topic"), read.get("topics")].filter((node) => node !== undefined);
  const items = values.flatMap((node): readonly JsonNode[] => (node.kind === "array" ? node.items : [node]));
  return items.flatMap((node) => (node.kind === "string" ? [node.value] : []));
}
