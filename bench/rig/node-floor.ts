/** node node-floor.ts PORT PEM: node's https server that reads bodies and answers 204 itself: what no gateway in this runtime can do without. */
import { readFileSync } from "node:fs";
import { createServer } from "node:https";

const pem = readFileSync(process.argv[3] ?? "", "utf8");
createServer({ cert: pem, key: pem, keepAliveTimeout: 600_000 }, (request, response) => {
  request.on("data", () => {});
  request.on("end", () => {
    response.statusCode = 204;
    response.end();
  });
}).listen(Number(process.argv[2]), "127.0.0.1");
