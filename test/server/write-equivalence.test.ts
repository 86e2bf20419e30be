import t from "tap";
import { startStandin } from "../../src/standin/server.ts";
import { admin, adminUser, basic, startTestGateway } from "../support/gateway.ts";
import { createRandom } from "../support/line-bodies.ts";
import { createWrites, differences, expectAlone, sendAll } from "../support/write-equivalence.ts";

for (const groupCommit of [true, false]) {
  t.test(
    `every client is told what it would be told alone, and the same is stored, group commit ${groupCommit ? "on" : "off"}`,
    async (t) => {
      const seed = Date.now() % 2 ** 31;
      const standin = await startStandin();
      t.teardown(() => standin.close());
      const gateway = await startTestGateway(
        `${adminUser}[[kapacitor]]\nurl = "${standin.url}"\ngroup-commit = ${groupCommit}\n`,
      );
      t.teardown(() => gateway.close());
      const writes = Array.from({ length: 1000 }, createWrites(createRandom(seed)));
      const expected = await expectAlone(writes);
      const statuses = await sendAll({ url: gateway.url, ca: gateway.ca, authorization: basic(admin) }, writes, 16);
      const wrong = statuses.flatMap((status, at) =>
        status === expected.statuses[at]
          ? []
          : [`${status} ${writes[at]?.path} ${writes[at]?.body.toString("latin1")}`],
      );
      t.same(wrong.slice(0, 3), [], `seed ${seed}`);
      t.same(differences(expected.points, standin.points).slice(0, 3), [], `seed ${seed}`);
      const shared = standin.requests.filter(({ rawHeaders }) => rawHeaders.includes("kapgate"));
      t.equal(shared.length > 20, groupCommit, "writes left together");
      if (!groupCommit) t.equal(standin.requests.length, writes.length);
    },
  );
}
