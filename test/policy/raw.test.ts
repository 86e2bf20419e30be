import t from "tap";
import { startStandin } from "../../src/standin/server.ts";
import { startTestGateway } from "../support/gateway.ts";
import { sendRaw } from "../support/raw.ts";
import { rawCases } from "./raw-cases.ts";

t.test("however a request is framed, Kapacitor gets what was judged or nothing", async (t) => {
  const standin = await startStandin();
  t.teardown(() => standin.close());
  const instance = `[[kapacitor]]\nname = "handlers"\nurl = "${standin.url}"\nhosts = ["handlers.policy.test"]\n`;
  const gateway = await startTestGateway(`${instance}disable-handlers = ["exec", "log"]\n`, {
    http: "auth-enabled = false",
  });
  t.teardown(() => gateway.close());
  for (const { story, bytes, statuses, reaches } of rawCases) {
    const before = standin.requests.length;
    // The stream of the log sends its head with its first line.
    const ping = setInterval(() => standin.log("line"), 30);
    const answer = await sendRaw(gateway.port, gateway.ca, bytes, { answers: statuses.length });
    clearInterval(ping);
    // The gateway itself asks what it wants to know; it never asks for the log.
    const sent = standin.requests
      .slice(before)
      .filter(({ method, target }) => method !== "GET" || target.includes("logs"));
    const reached = sent.map(({ method, target, body }) => `${method} ${target} ${body}`);
    t.strictSame(answer.statuses, statuses, `${story}: ${answer.text.slice(0, 300)}`);
    t.strictSame(reached, reaches, story);
  }
});
