/**
 * node counting-kapacitor.ts PORT FILE: a Kapacitor that notes the id of every definition in a file before it answers, so that not even SIGKILL
 * makes it forget one. Its list of tasks takes a while, so that it can be ended in the middle of it.
 */
import { appendFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const [port, file = ""] = process.argv.slice(2);

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  if (request.method === "POST" && request.url === "/kapacitor/v1/tasks") {
    appendFileSync(file, `${JSON.parse(Buffer.concat(chunks).toString()).id}\n`);
    response.writeHead(200, { "Content-Type": "application/json" }).end("{}");
  } else if (request.url === "/kapacitor/v1/tasks") {
    response.writeHead(200, { "Content-Type": "application/json" });
    for (let part = 0; part < 5; part += 1) {
      response.write(part === 0 ? '{"tasks":[' : " ".repeat(2000));
      await sleep(2);
    }
    response.end("]}");
  } else response.writeHead(204).end();
}

const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
  // Whoever gave its request up ends nothing else.
  serve(request, response).catch(() => response.destroy());
});
server.listen(Number(port), "127.0.0.1", () => process.send?.("listening"));
