import t from "tap";
import { startStandin } from "../../src/standin/server.ts";
import { startTestGateway } from "../support/gateway.ts";
import { type Call, fill } from "./flow-cases.ts";
import { raceCases } from "./race-cases.ts";

/**
 * A change that took Kapacitor longer than the timeout was given up, and the next one judged while Kapacitor was still at it: a template with thousands of tasks,
 * patched to use a var, and one of its tasks given another value for that var meanwhile. Kapacitor goes on with what nobody waits for.
 */
t.test("a change whose answer is late holds up the next until Kapacitor is done", async (t) => {
  let hold: Promise<void> | undefined;
  let isBroken = false;
  const standin = await startStandin({
    intercept: async ({ method }, response) => {
      const held = method === "GET" ? undefined : hold;
      hold = method === "GET" ? hold : undefined;
      await held;
      // Kapacitor has done what it was told, and the connection breaks.
      if (held !== undefined && isBroken) setImmediate(() => response.destroy());
      return false;
    },
  });
  t.teardown(() => standin.close());
  const gateway = await startTestGateway(
    `[[kapacitor]]\nname = "k"\nurl = "${standin.url}"\ntimeout = "500ms"\n[alerts]\ndisable-handlers = ["exec", "log"]\n`,
    { http: "auth-enabled = false" },
  );
  t.teardown(() => gateway.close());
  const send = ({ method, path, body }: Call) => gateway.request(method, path, { body: body ?? "" });
  let run = 0;
  const [race] = raceCases.filter(({ story }) => story.startsWith("a template begins"));
  if (race === undefined) throw new Error("no such race");
  for (isBroken of [false, true]) {
    const words = { "§": String(++run) };
    for (const { method, path, body } of race.stored.map((entry) => fill(entry, words))) {
      await fetch(standin.url + path, { method, body: new Uint8Array(body ?? []) });
    }
    const { promise, resolve: release } = Promise.withResolvers<void>();
    hold = promise;
    const late = await send(fill(race.first, words));
    t.match(late, { status: 504, body: /upstream_timeout/ }, "the first is told that there is no answer");
    const second = fill(race.second, words);
    const before = standin.requests.length;
    const next = send(second);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const asked = standin.requests.slice(before).filter(({ target }) => target.startsWith(second.path));
    t.strictSame(asked, [], "nothing is looked up for the second while Kapacitor is at the first");
    release();
    t.match(await next, { status: 403, body: /handler_disabled/ }, "and it is judged on what has come of it");
  }
});
