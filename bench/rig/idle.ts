/** node idle.ts PORT COUNT LOGIN: opens that many TLS connections, sends one write on each, says so and keeps them until it is ended. */
import { connect, type TLSSocket } from "node:tls";
import { bodyOf } from "./load.ts";

const [port = 0, count = 0] = process.argv.slice(2, 4).map(Number);
const body = bodyOf(1);
const request =
  `POST /write?db=telegraf&rp=autogen HTTP/1.1\r\nHost: kapacitor\r\nAuthorization: ${process.argv[4]}\r\n` +
  `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const kept: TLSSocket[] = [];
let opened = 0;

function open(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => socket.write(request));
    socket.once("error", reject);
    socket.once("data", (data: Buffer) => {
      if (data.toString("latin1", 0, 12) === "HTTP/1.1 204") resolve();
      else reject(new Error(data.toString("latin1")));
    });
    kept.push(socket);
  });
}

async function openMany(): Promise<void> {
  while (opened < count) {
    opened += 1;
    await open();
  }
}

await Promise.all(Array.from({ length: 32 }, openMany));
process.stdout.write("open\n");
process.on("message", () => {
  const open = kept.filter((socket) => !socket.destroyed).length;
  process.send?.(open);
});
