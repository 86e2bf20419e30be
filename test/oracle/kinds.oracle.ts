import t, { type Test } from "tap";
import { type HandlerKind, handlerKinds } from "../../src/core/alert-handlers.ts";
import { type Answer, startTestGateway } from "../support/gateway.ts";
import { handlersOf } from "./kinds.ts";
import { kindsAfter, type Peer, startPeer } from "./peer.ts";
import { program, reasonOf, skip } from "./surroundings.ts";

const api = "/kapacitor/v1";
// Sensu takes no colon in an id, which the usual one has.
const alert = "stream|from().measurement('m')|alert().id('i').crit(lambda: TRUE)";

const task = (id: string, database: string, script: string, status = "enabled"): string =>
  JSON.stringify({ id, type: "stream", status, dbrps: [{ db: database, rp: "r" }], script });

/** Whether a handler of the kind does anything that can be seen from outside of Kapacitor. */
const visible = ({ kind }: HandlerKind): boolean => kind !== "publish" && kind !== "aggregate";

t.test(
  "every kind of handler: goes off when it is allowed, cannot be made when it is not, and can always be taken away",
  { skip },
  async (t) => {
    const [allowed, denied] = [await startPeer(program()), await startPeer(program())];
    t.teardown(() => Promise.all([allowed.close(), denied.close()]));
    const later = kindsAfter(program());
    const kinds = handlerKinds.filter(({ kind }) => !later.has(kind));
    // Two instances for each kind: one disables it alone, the other all but it.
    const instances = kinds.flatMap(({ kind }) => {
      const others = kinds.filter((other) => other.kind !== kind).map((other) => other.kind);
      return [
        `[[kapacitor]]\nname = "only-${kind}"\nurl = "${allowed.url}"\nhosts = ["only-${kind}.policy.test"]\ndisable-handlers = ${JSON.stringify(others)}\n`,
        `[[kapacitor]]\nname = "no-${kind}"\nurl = "${denied.url}"\nhosts = ["no-${kind}.policy.test"]\ndisable-handlers = ["${kind}"]\n`,
      ];
    });
    const gateway = await startTestGateway(instances.join("\n"), { http: "auth-enabled = false" });
    t.teardown(() => gateway.close());
    const through = (instance: string, method: string, path: string, body?: string): Promise<Answer> =>
      gateway.request(method, path, {
        headers: { host: `${instance}.policy.test` },
        ...(body === undefined ? {} : { body }),
      });

    for (const entry of kinds) {
      const { kind } = entry;
      await t.test(kind, async (t) => {
        const good = handlersOf(allowed)[kind];
        const bad = handlersOf(denied)[kind];
        const [only, no] = [`only-${kind}`, `no-${kind}`];
        const passes = (answer: Answer, status: number, story: string): void => {
          t.equal(answer.status, status, `${story}: ${answer.body}`);
        };
        const isRefused = (answer: Answer, story: string): void => {
          t.equal(reasonOf(answer), "handler_disabled", `${story}: ${answer.body}`);
        };

        if (good.script !== undefined) {
          passes(await through(only, "POST", `${api}/tasks`, task(kind, kind, alert + good.script)), 200, "a task");
        }
        const handler = JSON.stringify({ id: kind, kind, options: good.options });
        passes(await through(only, "POST", `${api}/alerts/topics/${kind}/handlers`, handler), 200, "a topic handler");
        passes(
          await through(
            only,
            "POST",
            `${api}/tasks`,
            task(`topic-${kind}`, `topic-${kind}`, `${alert}.topic('${kind}')`),
          ),
          200,
          "a task for its topic",
        );

        const script = alert + (bad.script ?? "");
        if (bad.script !== undefined) {
          isRefused(await through(no, "POST", `${api}/tasks`, task(kind, kind, script)), "a task");
          isRefused(
            await through(no, "POST", `${api}/templates`, JSON.stringify({ id: kind, type: "stream", script })),
            "a template",
          );
        }
        const disabled = JSON.stringify({ id: kind, kind, options: bad.options });
        isRefused(await through(no, "POST", `${api}/alerts/topics/${kind}/handlers`, disabled), "a topic handler");

        await behindItsBack(t, denied, kind, bad.script ?? "", disabled);
        if (bad.script !== undefined) {
          isRefused(
            await through(no, "PATCH", `${api}/tasks/${kind}`, '{"status":"enabled"}'),
            "enabling what was stored",
          );
          isRefused(await through(no, "PATCH", `${api}/templates/${kind}`, "{}"), "touching a stored template");
          passes(await through(no, "PATCH", `${api}/tasks/${kind}`, '{"status":"disabled"}'), 200, "disabling a task");
          passes(await through(no, "DELETE", `${api}/tasks/${kind}`), 204, "deleting a task");
          passes(await through(no, "DELETE", `${api}/templates/${kind}`), 204, "deleting a template");
        }
        const place = `${api}/alerts/topics/${kind}/handlers/${kind}`;
        isRefused(
          await through(no, "PATCH", place, '[{"op":"replace","path":"/match","value":"TRUE"}]'),
          "touching a stored handler",
        );
        passes(await through(no, "DELETE", place), 204, "deleting a topic handler");
        passes(await through(no, "DELETE", `${api}/alerts/topics/${kind}`), 204, "deleting a topic");
        const left = await Promise.all(
          [`${api}/tasks/${kind}`, `${api}/templates/${kind}`, place].map((path) => denied.send("GET", path)),
        );
        t.strictSame(
          left.map(({ status }) => status),
          [404, 404, 404],
          "nothing is left",
        );
      });
    }

    for (const { kind } of kinds) {
      for (const database of [kind, `topic-${kind}`]) {
        await Promise.all([allowed.write(database), denied.write(database)]);
      }
    }
    const expected = kinds.filter(visible).map(({ kind }) => kind);
    const missing = (fired: readonly { readonly kind: string }[]) =>
      expected.filter((kind) => fired.filter((sent) => sent.kind === kind).length < 2);
    t.strictSame(
      missing(await allowed.settle(15_000, (fired) => missing(fired).length === 0)),
      [],
      "the allowed ones all go off, from the script and from the topic",
    );
    t.strictSame(await denied.fired(), [], "the disabled ones never do");
  },
);

/** A task, a template and a topic handler, sent straight to Kapacitor. */
async function behindItsBack(t: Test, peer: Peer, kind: string, script: string, handler: string): Promise<void> {
  for (const [path, body] of [
    ...(script === ""
      ? []
      : [
          ["tasks", task(kind, kind, alert + script, "disabled")],
          ["templates", JSON.stringify({ id: kind, type: "stream", script: alert + script })],
        ]),
    [`alerts/topics/${kind}/handlers`, handler],
  ] as const) {
    const { status, body: text } = await peer.send("POST", `${api}/${path}`, body);
    t.equal(status, 200, `${kind}: Kapacitor itself takes it: ${text}`);
  }
}
