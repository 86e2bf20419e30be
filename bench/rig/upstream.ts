/**
 * node upstream.ts PORT: the least that can stand in for Kapacitor on the write path. Reads requests with a Content-Length or in chunks, one
 * at a time on a connection, and answers each with 204, in as few steps as it takes: what is before it is what is measured.
 */
import { createServer, type Socket } from "node:net";

const answer = Buffer.from("HTTP/1.1 204 No Content\r\nX-Kapacitor-Version: 1.5.9\r\nRequest-Id: none\r\n\r\n");
const proceed = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n");
const lastChunk = "\r\n0\r\n\r\n";

function serve(socket: Socket): void {
  let head: Buffer = Buffer.alloc(0);
  /** Bytes of the body that are still to come; -1: until the last chunk. */
  let left = 0;
  let tail = "";
  const begin = (data: Buffer): Buffer => {
    head = head.length === 0 ? data : Buffer.concat([head, data]);
    const end = head.indexOf("\r\n\r\n");
    if (end === -1) return Buffer.alloc(0);
    const text = head.toString("latin1", 0, end);
    const rest = head.subarray(end + 4);
    head = Buffer.alloc(0);
    const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
    left = length === undefined && /\r\ntransfer-encoding: *chunked/i.test(text) ? -1 : Number(length ?? 0);
    tail = "\r\n";
    if (left === 0) socket.write(answer);
    else if (/\r\nexpect: *100-continue/i.test(text)) socket.write(proceed);
    return rest;
  };
  const take = (data: Buffer): void => {
    if (left > 0) {
      left -= data.length;
      if (left === 0) socket.write(answer);
      return;
    }
    tail = (tail + data.toString("latin1")).slice(-lastChunk.length);
    if (tail !== lastChunk) return;
    left = 0;
    socket.write(answer);
  };
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.on("data", (data: Buffer) => {
    const body = left === 0 ? begin(data) : data;
    if (body.length > 0) take(body);
  });
}

createServer(serve).listen(Number(process.argv[2]), "127.0.0.1");
