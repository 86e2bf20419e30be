import { connect } from "node:net";
import t from "tap";
import { clean } from "../policy/flow-cases.ts";
import { rawCases } from "../policy/raw-cases.ts";
import { startTestGateway } from "../support/gateway.ts";
import { sendRaw } from "../support/raw.ts";
import { type Peer, startPeer } from "./peer.ts";
import { program, skip } from "./surroundings.ts";

/** Bytes on a plain connection of their own, which ends with them; resolves when Kapacitor has answered what it can and closes. */
function sendPlain(url: string, bytes: string): Promise<void> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname, () => socket.end(bytes, "latin1"));
    socket.setTimeout(5_000, () => socket.destroy());
    socket.on("data", () => {});
    socket.on("error", () => {});
    socket.on("close", () => resolve());
  });
}

/** The scripts of all tasks, which are taken away. */
async function takeScripts({ send }: Peer): Promise<readonly string[]> {
  const { body } = await send("GET", "/kapacitor/v1/tasks?fields=id&fields=script&script-format=raw");
  const { tasks } = JSON.parse(body) as { tasks: readonly { id: string; script: string }[] };
  for (const { id } of tasks) await send("DELETE", `/kapacitor/v1/tasks/${id}`);
  return tasks.map(({ script }) => script);
}

t.test("however a request is framed, a real Kapacitor gets no script that is refused", { skip }, async (t) => {
  const [open, guarded] = [await startPeer(program()), await startPeer(program())];
  t.teardown(() => Promise.all([open.close(), guarded.close()]));
  const gateway = await startTestGateway(
    `[[kapacitor]]\nname = "handlers"\nurl = "${guarded.url}"\nhosts = ["handlers.policy.test"]\ndisable-handlers = ["exec", "log"]\n`,
    { http: "auth-enabled = false" },
  );
  t.teardown(() => gateway.close());
  let taken = 0;
  for (const { story, bytes, statuses, reaches } of rawCases) {
    // Its head comes with the first line of the log, which nobody writes here.
    if (bytes.includes("v1preview/logs")) continue;
    await sendPlain(open.url, bytes);
    if ((await takeScripts(open)).some((script) => script !== clean)) taken++;

    const answer = await sendRaw(gateway.port, gateway.ca, bytes, { answers: statuses.length });
    t.strictSame(answer.statuses, statuses, `${story}: ${answer.text.slice(0, 300)}`);
    const scripts = await takeScripts(guarded);
    t.ok(
      scripts.every((script) => script === clean),
      `${story}: ${scripts}`,
    );
    t.equal(scripts.length, reaches.length, `${story}: what passes is there`);
  }
  t.ok(taken >= 6, `straight, ${taken} of ${rawCases.length} leave a script that is refused`);
});
