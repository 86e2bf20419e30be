import { type HandlerKind, handlerKinds } from "../../src/core/alert-handlers.ts";
import type { Call, Case, Group } from "./flow-cases.ts";

/** Kinds in the order of the facts 3.5.1 to 3.5.28; the node httpPost, the 16th, belongs to post. */
const order =
  "aggregate publish alerta bigpanda discord exec hipchat kafka log mqtt opsgenie opsgenie2 pagerduty pagerduty2 post httpPost pushover sensu servicenow slack smtp snmptrap talk tcp teams telegram victorops zenoss".split(
    " ",
  );

const api = "/kapacitor/v1";

function call(method: string, path: string, body: unknown): Call {
  return { method, path: api + path, body: Buffer.from(JSON.stringify(body)) };
}

function task(script: string): Call {
  return call("POST", "/tasks", { id: "t§", type: "stream", dbrps: [{ db: "d", rp: "r" }], script });
}

/** Every way to a kind that has nothing to do with what is stored, as a name and a request. */
function waysTo(of: HandlerKind): readonly (readonly [string, Call])[] {
  const { kind, method, node, section, element } = of;
  const argument = of.argument === "hostport" ? "public.invalid:7" : "http://public.invalid/";
  // Without an interval an aggregate ends the request with a panic.
  const options = kind === "aggregate" ? { interval: 1_000_000_000, topic: "x" } : {};
  const ways: (readonly [string, Call])[] = [
    ["as a topic handler", call("POST", "/alerts/topics/ops§/handlers", { id: "h§", kind, options })],
  ];
  if (method !== undefined)
    ways.push(["in a script", task(`stream|from()|alert().crit(lambda: TRUE).${method}('${argument}')`)]);
  if (method !== undefined) {
    const capital = method.charAt(0).toUpperCase() + method.slice(1);
    ways.push([
      "by its Go name, behind a comment",
      task(`stream|from()|alert()\n. // x\n${capital}('${argument}').id('x')`),
    ]);
    ways.push([
      "in a template",
      call("POST", "/templates", { id: "p§", script: `stream|from()|alert().${method}('${argument}')` }),
    ]);
  }
  if (node !== undefined) ways.push(["as a node", task(`stream|from()|${node}('${argument}')`)]);
  if (section !== undefined) {
    const place = element === undefined ? `/config/${section}/` : `/config/${section}/x`;
    ways.push(["by switching its section on", call("POST", place, { set: { enabled: true } })]);
    ways.push(["by making its section global", call("POST", place, { set: { global: true } })]);
    ways.push(["by its test", call("POST", `/service-tests/${section}`, {})]);
  }
  return ways;
}

function factOf(kind: HandlerKind, way: string): string {
  return `3.5.${order.indexOf(way === "as a node" ? (kind.node ?? "") : kind.kind) + 1}`;
}

/** For an instance that disables every kind, and for one that disables none and names a UDF: there the same requests pass. */
export const kindGroup: Group = {
  name: "kinds",
  cases: handlerKinds.flatMap((kind) =>
    waysTo(kind).flatMap(([way, request]): Case[] => {
      const common = { facts: [factOf(kind, way)], stored: [], call: request, headers: {}, text: undefined };
      return [
        { ...common, story: `${kind.kind} ${way}`, refused: "handler_disabled", instance: "every" },
        { ...common, story: `${kind.kind} ${way}, where it is allowed`, refused: undefined, instance: "udfs" },
      ];
    }),
  ),
};
