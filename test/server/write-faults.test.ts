import t from "tap";
import { writeThroughFaults } from "../support/fault-clients.ts";
import { faultEvery, startFaultyKapacitor } from "../support/faulty-kapacitor.ts";
import { admin, adminUser, basic, startTestGateway } from "../support/gateway.ts";
import { createRandom } from "../support/line-bodies.ts";

for (const groupCommit of [true, false]) {
  t.test(
    `under load no write is answered twice or not at all, nothing acknowledged is lost, nothing is stored twice, group commit ${groupCommit ? "on" : "off"}`,
    async (t) => {
      const seed = Date.now() % 2 ** 31;
      const random = createRandom(seed);
      const kapacitor = await startFaultyKapacitor(faultEvery(4));
      t.teardown(() => kapacitor.close());
      const gateway = await startTestGateway(
        `${adminUser}[[kapacitor]]\nurl = "${kapacitor.url}"\ngroup-commit = ${groupCommit}\nwrite-timeout = "400ms"\nwrite-hold = "300ms"\n`,
      );
      t.teardown(() => gateway.close());
      let writing = true;
      const restarts = (async () => {
        while (writing) {
          await new Promise((resolve) => setTimeout(resolve, 250));
          await kapacitor.restart(random() < 0.7 ? 60 : 400);
        }
      })();
      const target = { port: gateway.port, ca: gateway.ca, authorization: basic(admin) };
      const report = await writeThroughFaults(target, { clients: 12, writesPerClient: 40, random });
      writing = false;
      await restarts;
      t.same(report.problems(kapacitor.stored).slice(0, 5), [], `seed ${seed}`);
      t.ok((report.answers.get("204") ?? 0) > 20, "many writes are stored");
      for (const status of ["500", "502"]) t.ok(report.answers.has(status), `some are answered ${status}`);
    },
  );
}
