/**
 * node line-store.ts PORT FILE: a Kapacitor that keeps every write in a file before it answers, so that not even SIGKILL makes it forget one.
 * SIGTERM ends it as it ends kapacitord: requests under way are answered, and connections closed as they become idle.
 */
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";

const [port, file = ""] = process.argv.slice(2);
let ending = false;
const server = createServer({ keepAliveTimeout: 0 }, async (request, response) => {
  response.once("close", () => {
    if (ending) server.closeIdleConnections();
  });
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString("latin1");
  appendFileSync(file, body.endsWith("\n") ? body : `${body}\n`);
  response.writeHead(204).end();
});
process.on("SIGTERM", () => {
  ending = true;
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
server.listen(Number(port), "127.0.0.1", () => process.send?.("listening"));
