import { connect as connectTcp } from "node:net";
import { connect } from "node:tls";
import t from "tap";
import { startStandin } from "../../src/standin/server.ts";
import { admin, adminUser, basic, startTestGateway } from "../support/gateway.ts";

t.test("a head that was accepted from one address is judged anew from another", async (t) => {
  const standin = await startStandin();
  t.teardown(() => standin.close());
  const gateway = await startTestGateway(
    `${adminUser}[access]\ndeny-cidrs = ["127.0.0.2/32"]\n[[kapacitor]]\nurl = "${standin.url}"\n`,
  );
  t.teardown(() => gateway.close());
  const head = `POST /write?db=d HTTP/1.1\r\nHost: x\r\nAuthorization: ${basic(admin)}\r\nContent-Length: 6\r\n\r\n`;
  /** The status line of a write on a connection of its own. */
  const write = (localAddress: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const below = connectTcp({ host: "127.0.0.1", port: gateway.port, localAddress });
      below.once("error", reject);
      const socket = connect({ socket: below, ca: gateway.ca, host: "127.0.0.1" }, () =>
        socket.write(`${head}m v=1\n`),
      );
      socket.once("error", reject);
      socket.once("data", (data: Buffer) => {
        socket.destroy();
        resolve(data.toString("latin1").slice(9, 12));
      });
    });
  for (const [address, status] of [
    ["127.0.0.1", "204"],
    ["127.0.0.1", "204"],
    ["127.0.0.2", "403"],
    ["127.0.0.1", "204"],
  ] as const)
    t.equal(await write(address), status, address);
  t.equal(standin.points.length, 3);
});
