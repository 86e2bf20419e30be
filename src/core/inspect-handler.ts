/** Requests that define or change topic handlers (services/alert/api.go). */
import { type HandlerKind, topicHandlerKind } from "./alert-handlers.ts";
import { deny } from "./decision.ts";
import {
  addressTexts,
  firstOf,
  type Inquiry,
  judgeObjectId,
  judgeTargets,
  pass,
  sentBy,
  storedHandler,
  stringMember,
  unparsable,
  type Verdict,
} from "./inspect-parts.ts";
import { judgeExpression } from "./inspect-script.ts";
import type { JsonNode } from "./json.ts";
import { applyPatch } from "./json-patch.ts";
import { readFolded, readStruct } from "./json-readers.ts";

const handlerFields = ["id", "topic", "kind", "options", "match"];

/** `POST` anywhere below a topic, and `PUT`: the body is the whole handler. */
export function judgeHandler(inquiry: Inquiry, node: JsonNode): Verdict {
  const members = readStruct(node, handlerFields);
  if (!members.ok) return unparsable(members.text, members.offset);
  const id = stringMember(members, "id");
  if (typeof id !== "string") return id;
  const oddId = judgeObjectId("handler", id);
  if (oddId.kind !== "pass") return oddId;
  const kind = stringMember(members, "kind");
  if (typeof kind !== "string") return kind;
  // Kapacitor's own 400.
  if (kind === "") return pass;
  const known = topicHandlerKind(kind);
  if (known === undefined) {
    const shown = JSON.stringify(kind.slice(0, 40));
    return deny("handler_disabled", `${shown} is no kind of alert handler that this gateway knows, so it is refused`, {
      detail: { rule: "any" },
    });
  }
  if (inquiry.rules.disabled.has(known.kind)) {
    return deny("handler_disabled", `the alert handler "${known.kind}" is disabled by the operator`, {
      detail: { rule: "disable-handlers", handler: known.kind },
    });
  }
  const match = stringMember(members, "match");
  if (typeof match !== "string") return match;
  return firstOf(
    (function* () {
      if (match !== "") yield judgeExpression(match, "in the match, ");
      yield judgeOptions(inquiry, known, members.get("options"));
    })(),
  );
}

/** mapstructure compares the names of options without case. */
function judgeOptions(inquiry: Inquiry, kind: HandlerKind, node: JsonNode | undefined): Verdict {
  if (node === undefined) return pass;
  const options = readFolded(node);
  if (!options.ok) return unparsable(`in the options: ${options.text}`, options.offset);
  return firstOf(
    (function* () {
      for (const { name, form } of kind.options) {
        const texts = addressTexts(options.get(name), name);
        if ("kind" in texts) yield texts;
        else
          yield judgeTargets(
            inquiry,
            texts.map((text) => ({ target: { text, form }, place: sentBy(kind.kind) })),
          );
      }
    })(),
  );
}

/** `PATCH`: what counts is the handler that comes out of it. */
export function judgeHandlerPatch(inquiry: Inquiry, topic: string, id: string, patch: JsonNode): Verdict {
  const stored = storedHandler(inquiry, topic, id);
  if (stored.kind === "absent") return pass;
  if (stored.kind !== "found") return stored;
  const patched = applyPatch(stored.object.document, patch);
  if (!patched.ok) return unparsable(patched.text, patched.offset);
  return judgeHandler(inquiry, patched.document);
}

/**
 * Topic and handler that a path below `/alerts/topics/` names for PUT and PATCH: the topic is the first segment, the id the last, when what stands before
 * it ends with `handlers/` as text. undefined: no id, and Kapacitor answers 404.
 */
export function handlerOfPath(rest: string): { readonly topic: string; readonly id: string } | undefined {
  const slash = rest.lastIndexOf("/") + 1;
  const [topic = ""] = rest.split("/", 1);
  const id = rest.slice(slash);
  return rest.slice(0, slash).endsWith("handlers/") && id !== "" ? { topic, id } : undefined;
}
