import t from "tap";
import { expressionRequests } from "../policy/expressions.ts";
import { startTestGateway } from "../support/gateway.ts";
import { startPeer } from "./peer.ts";
import { program, skip } from "./surroundings.ts";

t.test("what ends a real Kapacitor does not reach it through the gateway", { skip }, async (t) => {
  const guarded = await startPeer(program());
  t.teardown(() => guarded.close());
  const gateway = await startTestGateway(
    `[[kapacitor]]\nname = "default"\nurl = "${guarded.url}"\ndisable-handlers = ["exec"]\n`,
    { http: "auth-enabled = false" },
  );
  t.teardown(() => gateway.close());
  const scripts = [
    "/é/",
    // From 1.5.8 on: no source, and what can be read as no address.
    ...["", ".source('nowhere')", ".source('a b')", ".source('/x')", ".source('http://[::1')"].map(
      (source) => `stream|from()|sideload()${source}.order('x').field('f', 1.0)`,
    ),
  ];
  const requests = [
    ...expressionRequests("/é/ == 'x'"),
    ...scripts.map((script) => ({
      story: script,
      before: [],
      request: {
        method: "POST",
        path: "/kapacitor/v1/tasks",
        body: JSON.stringify({ id: "s", type: "stream", status: "enabled", dbrps: [{ db: "d", rp: "r" }], script }),
      },
    })),
  ];
  let ended = 0;
  for (const { story, before, request } of requests) {
    const open = await startPeer(program());
    for (const { method, path, body } of before) await open.send(method, path, body);
    await open.send(request.method, request.path, request.body);
    if ((await open.send("GET", "/kapacitor/v1/ping")).status !== 204) ended++;
    await open.close();

    for (const { method, path, body } of before) await guarded.send(method, path, body);
    const answer = await gateway.request(request.method, request.path, { body: request.body });
    t.ok([400, 403].includes(answer.status), `${story}: ${answer.body}`);
    t.equal((await guarded.send("GET", "/kapacitor/v1/ping")).status, 204, `${story}: Kapacitor is there`);
  }
  t.ok(ended >= 6, `straight, ${ended} of ${requests.length} requests end Kapacitor`);
});
