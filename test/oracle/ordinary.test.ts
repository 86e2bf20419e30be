import t from "tap";
import { startStandin } from "../../src/standin/server.ts";
import { ordinary, startStrictGateway } from "./ordinary.ts";

t.test(
  "ordinary scripts pass where everything is disabled that they do not use, and are stored as they were sent",
  async (t) => {
    const standin = await startStandin();
    t.teardown(() => standin.close());
    const { gateway, send } = await startStrictGateway(standin.url);
    t.teardown(() => gateway.close());
    for (const entry of ordinary) {
      const created = await send(entry, "POST", entry.path, entry.body);
      t.equal(created.status, 200, `${entry.name}: ${created.body}`);
      const stored = await send(entry, "GET", `${entry.path}/${entry.name}?script-format=raw`);
      t.equal(JSON.parse(stored.body).script, entry.script, `${entry.name}: is stored`);
    }
    t.ok(ordinary.length >= 120, `${ordinary.length} scripts`);
  },
);
