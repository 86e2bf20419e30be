import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { connect } from "node:net";
import t from "tap";
import { createBodyBudget, readBody } from "../../src/server/body.ts";
import { HttpExchange } from "../../src/server/exchange.ts";
import { portOf } from "../support/gateway.ts";

/**
 * Found by an attack: every body alone was bounded, and all together were not. An editor with a few hundred connections and a body of
 * max-body-size on each, one byte missing, filled the memory; with a packet for every byte, a few were enough.
 */
t.test(
  "bodies that are read whole have a limit together, which small pieces reach sooner, and which is given back",
  async (t) => {
    const budget = createBodyBudget(200_000);
    const outcomes: string[] = [];
    let received = 0;
    const server = createServer((request: IncomingMessage, response: ServerResponse) => {
      readBody(new HttpExchange(request.socket, request, response, false, undefined), 1_000_000, 10_000, budget).then(
        (result) => {
          outcomes.push(result.kind === "deny" ? result.reason : result.kind);
          response.end("x");
        },
      );
      request.on("data", (chunk: Buffer) => {
        received += chunk.length;
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const open = async (length: number, part: number) => {
      const socket = connect(portOf(server.address()), "127.0.0.1");
      socket.on("error", () => {});
      socket.setNoDelay(true);
      await once(socket, "connect");
      socket.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n${"x".repeat(part)}`);
      return socket;
    };
    const answered = async (socket: Awaited<ReturnType<typeof open>>): Promise<string | undefined> => {
      await once(socket, "data");
      socket.destroy();
      return outcomes.pop();
    };
    t.equal(await answered(await open(500_000, 500_000)), "body", "a single one may be as long as max-body-size says");
    const first = await open(150_001, 150_000);
    while (received < 650_000) await new Promise((resolve) => setTimeout(resolve, 5));
    t.equal(await answered(await open(150_001, 150_000)), "overloaded");
    t.equal(await answered(await open(10, 10)), "body", "there is room for a small one");
    first.destroy();
    while (outcomes.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    t.equal(outcomes.pop(), "gone");
    t.equal(await answered(await open(150_000, 150_000)), "body", "who leaves gives back what he had");
    await new Promise((resolve) => server.close(resolve));
  },
);
