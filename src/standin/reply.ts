/** How net/http and the layers of services/httpd/handler.go put an answer on the wire. */
import { Buffer } from "node:buffer";
import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { gzipSync } from "node:zlib";
import type { Answer } from "./answer.ts";
import { encode } from "./go-json-write.ts";
import { escapePath, type Target } from "./go-url.ts";
import { isSince } from "./version.ts";

export interface Layers {
  readonly version: string;
  /** The route labels its answers as JSON. */
  readonly json: boolean;
  /** How often the answer is compressed: a `v1preview` request passes through the filter twice. */
  readonly gzip: number;
}

/** Writes what a route decided. */
export function reply(response: ServerResponse, answer: Answer, layers: Layers): void {
  if (answer.kind === "panic") {
    response.socket?.destroy();
    return;
  }
  if (layers.json) response.setHeader("Content-Type", "application/json; charset=utf-8");
  if (answer.kind === "stream") {
    answer.open(response);
    return;
  }
  response.statusCode = answer.status;
  if (answer.kind === "value") {
    for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
  } else if (!layers.json) {
    // Without a layer that labels it, 1.5 leaves the type to net/http, which takes JSON for text.
    const type = isSince(layers.version, "1.6.0") ? "application/json" : "text/plain";
    response.setHeader("Content-Type", `${type}; charset=utf-8`);
  }
  let body = Buffer.from(answer.kind === "value" ? answer.body : errorText(answer, layers.version));
  if (layers.gzip > 0) {
    response.setHeader("Content-Encoding", "gzip");
    response.removeHeader("Content-Length");
  }
  for (let layer = 0; layer < layers.gzip; layer += 1) body = gzipSync(body);
  send(response, body);
}

function errorText(answer: Answer & { kind: "error" }, version: string): string {
  const { text } = answer;
  const shown = isSince(version, "1.6.0") ? { error: text, message: text } : { error: text };
  return encode(shown, answer.compact === true ? "" : "    ");
}

/** net/http gives small answers a Content-Length and sends larger ones in chunks. */
function send(response: ServerResponse, body: Buffer): void {
  if (response.statusCode === 204) {
    response.end();
    return;
  }
  if (body.length <= 2048) response.setHeader("Content-Length", body.length);
  else response.write(body);
  response.end(body.length <= 2048 ? body : undefined);
}

/** What net/http says, without a length, to a request that it cannot parse. */
export function badRequest(socket: Duplex | null): void {
  const head = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n";
  socket?.end(`${head}400 Bad Request`);
}

/** `http.Redirect` to the cleaned path. */
export function redirect(response: ServerResponse, method: string, target: Target, path: string): void {
  const location = `${target.origin}${escapePath(path)}${target.query === undefined ? "" : `?${target.query}`}`;
  response.statusCode = 301;
  response.setHeader("Location", location);
  if (method === "GET" || method === "HEAD") response.setHeader("Content-Type", "text/html; charset=utf-8");
  const quoted = location.replace(/[&<>"']/g, (found) => `&${entities[found] ?? ""};`);
  send(response, Buffer.from(method === "GET" ? `<a href="${quoted}">Moved Permanently</a>.\n\n` : ""));
}

const entities: Readonly<Record<string, string>> = { "&": "amp", "<": "lt", ">": "gt", '"': "#34", "'": "#39" };

/** Allows whatever origin asks. */
export function setCors(response: ServerResponse, origin: string | undefined): void {
  if (origin === undefined || origin === "") return;
  response.setHeader("Access-Control-Allow-Origin", origin);
  response.setHeader("Access-Control-Allow-Methods", "DELETE, GET, OPTIONS, POST, PATCH");
  response.setHeader(
    "Access-Control-Allow-Headers",
    "Accept, Accept-Encoding, Authorization, Content-Length, Content-Type, X-CSRF-Token, X-HTTP-Method-Override",
  );
}
