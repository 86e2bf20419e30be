/** Requests that run a service test, which sends for real (services/servicetest/service.go). */
import { type AddressPlace, sectionHandlerKind } from "./alert-handlers.ts";
import type { AlertRules } from "./alert-rules.ts";
import { deny } from "./decision.ts";
import { isOtherSection } from "./inspect-config.ts";
import { addressTexts, firstOf, type Inquiry, judgeTargets, pass, unparsable, type Verdict } from "./inspect-parts.ts";
import type { JsonNode } from "./json.ts";
import { readStruct } from "./json-readers.ts";

/** Where a test sends to when its body does not say (services/httppost/service.go, TestOptions). */
const standardTargets: ReadonlyMap<string, string> = new Map([["httppost", "http://localhost:3000/"]]);

/** The name of the test that a path below `/service-tests/` runs: slashes behind it do not count. */
export function testOfPath(rest: string): string {
  return rest.replace(/\/+$/, "");
}

/** What the name of a test alone decides; undefined: its body is needed. A name that is not known may be a handler of a later release. */
export function judgeTestName(rules: AlertRules, name: string): Verdict | undefined {
  if (name === "" || isOtherSection(name)) return pass;
  const kind = sectionHandlerKind(name);
  if (kind === undefined) {
    const shown = JSON.stringify(name.slice(0, 40));
    return deny("handler_disabled", `${shown} is no service test that this gateway knows, so it is refused`, {
      detail: { rule: "any" },
    });
  }
  if (rules.disabled.has(kind.kind)) {
    return deny(
      "handler_disabled",
      `the alert handler "${kind.kind}" is disabled by the operator, and its test sends`,
      {
        detail: { rule: "disable-handlers", handler: kind.kind },
      },
    );
  }
  return kind.test.length === 0 ? pass : undefined;
}

/** The addresses of a test that its body gives. */
export function judgeTestBody(inquiry: Inquiry, name: string, node: JsonNode): Verdict {
  const places: readonly AddressPlace[] = sectionHandlerKind(name)?.test ?? [];
  const members = readStruct(
    node,
    places.map((place) => place.name),
  );
  if (!members.ok) return unparsable(members.text, members.offset);
  return firstOf(
    (function* () {
      for (const place of places) {
        const given = members.get(place.name);
        const texts = given === undefined ? [standardTargets.get(name) ?? ""] : addressTexts(given, place.name);
        if ("kind" in texts) yield texts;
        else
          yield judgeTargets(
            inquiry,
            texts.map((text) => ({ target: { text, form: place.form } })),
          );
      }
    })(),
  );
}
