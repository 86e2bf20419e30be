import t from "tap";
import { ordinary, startStrictGateway } from "./ordinary.ts";
import { isAfter, startPeer } from "./peer.ts";
import { normalise, program, skip } from "./surroundings.ts";

t.test(
  "what a real Kapacitor takes, the gateway lets pass where everything is disabled that it does not use",
  { skip },
  async (t) => {
    const [straight, behind] = [await startPeer(program()), await startPeer(program())];
    t.teardown(() => Promise.all([straight.close(), behind.close()]));
    const { gateway, send } = await startStrictGateway(behind.url);
    t.teardown(() => gateway.close());
    const known = ordinary.filter(({ since }) => !isAfter(since, program()));
    for (const entry of known) {
      const { name, path, body, script } = entry;
      const expected = await straight.send("POST", path, body);
      t.equal(expected.status, 200, `${name}: Kapacitor takes it: ${expected.body}`);
      const created = await send(entry, "POST", path, body);
      t.equal(created.status, 200, `${name}: the gateway lets it pass: ${created.body}`);
      t.equal(normalise(created.body), normalise(expected.body), `${name}: and answers the same`);

      const raw = await send(entry, "GET", `${path}/${name}?script-format=raw`);
      t.equal(JSON.parse(raw.body).script, script, `${name}: is stored as it was sent`);
      // The way in which Kapacitor writes it is the one in which editors get it and send it back.
      const formatted = await send(entry, "GET", `${path}/${name}`);
      const again = await send(
        entry,
        "PATCH",
        `${path}/${name}`,
        JSON.stringify({ script: JSON.parse(formatted.body).script }),
      );
      t.equal(again.status, 200, `${name}: passes as Kapacitor formats it: ${again.body}`);
    }
    t.ok(known.length >= 110, `${known.length} scripts`);
  },
);
