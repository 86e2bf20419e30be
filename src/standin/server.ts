import { Buffer } from "node:buffer";
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { type Answer, type Call, failure } from "./answer.ts";
import { refuseCredentials } from "./authentication.ts";
import { encode } from "./go-json-write.ts";
import { escapePath, parseQuery, parseTarget, type Target } from "./go-url.ts";
import { LogStreams } from "./logs.ts";
import { type Found, Mux, type Route } from "./mux.ts";
import { routes } from "./routes.ts";
import { Store } from "./store.ts";
import type { StoredPoint } from "./write.ts";

/** A request as it arrived, in order of completion. */
export interface StandinRequest {
  readonly method: string;
  /** The request target, untouched. */
  readonly target: string;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  /** What arrived of the body, still encoded. */
  readonly body: Buffer;
  /** False when the client went away before the end of its request. */
  readonly complete: boolean;
  /** 1 for the first connection that the stand-in accepted, and so on. */
  readonly connection: number;
  /** Milliseconds since the epoch, when the last byte arrived. */
  readonly time: number;
}

export interface StandinOptions {
  /** 0, the default, takes a free one. Always on 127.0.0.1. */
  readonly port?: number;
  /** What X-Kapacitor-Version says; below 1.6 errors have no `message`. Default 1.8.3. */
  readonly version?: string;
  /** `required` is Kapacitor with `auth-enabled` and its noauth backend: any login will do. Default `none`. */
  readonly authentication?: "none" | "required";
  /** Sees every request once its body is there; true means that it has answered (or will not). */
  readonly intercept?: (request: StandinRequest, response: ServerResponse) => boolean | Promise<boolean>;
  /** How many of the newest requests are kept. Default 10,000. */
  readonly requestLimit?: number;
  /** How many of the newest points are kept. Default 100,000. */
  readonly pointLimit?: number;
}

export interface Standin {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly port: number;
  readonly requests: readonly StandinRequest[];
  readonly points: readonly StoredPoint[];
  /** How many connections were ever accepted. */
  readonly connections: number;
  /** How many clients follow the log. */
  readonly logStreams: number;
  /** Sends a line to everyone who follows the log. */
  log(line: string): void;
  /** What has been defined. Nothing of it is ever executed. */
  stored(): Pick<Store, "tasks" | "templates">;
  /** Ends all connections at once. */
  close(): Promise<void>;
}

/** Starts an embedded stand-in for Kapacitor: its HTTP interface, in memory, running nothing. */
export async function startStandin(options: StandinOptions = {}): Promise<Standin> {
  const standin = new RunningStandin(options);
  await standin.listen(options.port ?? 0);
  return standin;
}

class RunningStandin implements Standin {
  readonly requests: StandinRequest[] = [];
  readonly points: StoredPoint[] = [];
  readonly #options: StandinOptions;
  readonly #version: string;
  readonly #logs = new LogStreams();
  readonly #store = new Store();
  readonly #mux: Mux;
  readonly #connectionNumbers = new WeakMap<Socket, number>();
  #connections = 0;
  #port = 0;

  // Kapacitor has no timeouts, takes a megabyte of headers, and reads framing that Node would refuse.
  readonly #server = createServer({
    insecureHTTPParser: true,
    maxHeaderSize: 1_048_576,
    keepAliveTimeout: 0,
    headersTimeout: 0,
    requestTimeout: 0,
  });

  constructor(options: StandinOptions) {
    this.#options = options;
    this.#version = options.version ?? "1.8.3";
    this.#mux = new Mux(
      routes({
        store: this.#store,
        logs: this.#logs,
        takePoints: (points) => keepNewest(this.points, points, options.pointLimit ?? 100_000),
        patterns: () => this.#mux.patterns(),
      }),
    );
    this.#server.on("connection", (socket: Socket) => {
      this.#connections += 1;
      this.#connectionNumbers.set(socket, this.#connections);
    });
    this.#server.on("request", (request, response) => this.#serve(request, response));
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get connections(): number {
    return this.#connections;
  }

  get logStreams(): number {
    return this.#logs.size;
  }

  listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, "127.0.0.1", () => {
        this.#port = (this.#server.address() as AddressInfo).port;
        resolve();
      });
    });
  }

  log(line: string): void {
    this.#logs.emit(line);
  }

  stored(): Store {
    return this.#store;
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    await new Promise((resolve) => request.once("close", resolve).once("end", resolve));
    const recorded: StandinRequest = {
      method: request.method ?? "",
      target: request.url ?? "",
      rawHeaders: request.rawHeaders,
      body: Buffer.concat(chunks),
      complete: request.complete,
      connection: this.#connectionNumbers.get(request.socket) ?? 0,
      time: Date.now(),
    };
    keepNewest(this.requests, [recorded], this.#options.requestLimit ?? 10_000);
    if (!recorded.complete || (await this.#options.intercept?.(recorded, response)) === true) return;
    await this.#answer(request, recorded, response);
  }

  async #answer(request: IncomingMessage, recorded: StandinRequest, response: ServerResponse): Promise<void> {
    response.removeHeader("Connection");
    const target = parseTarget(recorded.target);
    if (target === undefined || target.path === "*") return badRequest(response);
    const found = this.#mux.find(recorded.method, target.path);
    if (found.kind === "redirect") return redirect(response, recorded.method, target, found);
    if (found.kind === "no method") return this.#write(response, undefined, 0, false, failure(404, "Not Found"));
    response.setHeader("Request-Id", randomUUID());
    setCors(response, request.headers.origin);
    const { route, path, preview } = found;
    if (recorded.method === "OPTIONS") {
      response.end();
      return;
    }
    const call: Call = {
      method: recorded.method,
      path,
      query: parseQuery(target.query),
      rawQuery: target.query,
      headers: request.headers,
      body: recorded.body,
    };
    const layers = preview ? 2 : 1;
    response.setHeader("X-Kapacitor-Version", Array<string>(layers).fill(this.#version));
    const gzip = route.noGzip !== true && (request.headers["accept-encoding"] ?? "").toString().includes("gzip");
    await this.#write(response, route, layers, gzip, await this.#decide(call, route));
  }

  async #decide(call: Call, route: Route): Promise<Answer> {
    if (this.#options.authentication === "required") {
      const refused = refuseCredentials(call.headers, call.query);
      if (refused !== undefined) return { kind: "error", status: 401, text: refused, compact: true };
    }
    return await route.handle(call);
  }

  async #write(
    response: ServerResponse,
    route: Route | undefined,
    layers: number,
    gzip: boolean,
    answer: Answer,
  ): Promise<void> {
    if (route !== undefined && route.noJson !== true) {
      response.setHeader("Content-Type", "application/json; charset=utf-8");
    }
    if (answer.kind === "stream") {
      answer.open(response);
      return;
    }
    response.statusCode = answer.status;
    if (answer.kind === "error") response.setHeader("Content-Type", "application/json; charset=utf-8");
    else for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
    let body = Buffer.from(answer.kind === "error" ? this.#errorText(answer.text, answer.compact) : answer.body);
    if (gzip) {
      response.setHeader("Content-Encoding", "gzip");
      for (let layer = 0; layer < layers; layer += 1) body = gzipSync(body);
    }
    send(response, body);
  }

  #errorText(text: string, compact: true | undefined): string {
    const [major = 0, minor = 0] = this.#version.replace(/^v/, "").split(".").map(Number);
    const named = major > 1 || (major === 1 && minor >= 6) ? { error: text, message: text } : { error: text };
    return encode(named, compact === true ? "" : "    ");
  }
}

/** net/http gives small answers a Content-Length and sends larger ones in chunks. */
function send(response: ServerResponse, body: Buffer): void {
  if (response.statusCode === 204) {
    response.end();
    return;
  }
  if (body.length <= 2048 && !response.hasHeader("Content-Length")) response.setHeader("Content-Length", body.length);
  response.end(body);
}

function badRequest(response: ServerResponse): void {
  response.writeHead(400, { "Content-Type": "text/plain; charset=utf-8", Connection: "close" });
  response.end("400 Bad Request");
}

function redirect(response: ServerResponse, method: string, target: Target, found: Found & { kind: "redirect" }): void {
  const query = target.query === undefined ? "" : `?${target.query}`;
  const location = `${target.origin}${escapePath(found.path)}${query}`;
  response.setHeader("Location", location);
  response.statusCode = 301;
  if (method === "GET" || method === "HEAD") response.setHeader("Content-Type", "text/html; charset=utf-8");
  const quoted = location
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&#34;")
    .replaceAll("'", "&#39;");
  send(response, Buffer.from(method === "GET" ? `<a href="${quoted}">Moved Permanently</a>.\n\n` : ""));
}

function setCors(response: ServerResponse, origin: string | undefined): void {
  if (origin === undefined || origin === "") return;
  response.setHeader("Access-Control-Allow-Origin", origin);
  response.setHeader("Access-Control-Allow-Methods", "DELETE, GET, OPTIONS, POST, PATCH");
  response.setHeader(
    "Access-Control-Allow-Headers",
    "Accept, Accept-Encoding, Authorization, Content-Length, Content-Type, X-CSRF-Token, X-HTTP-Method-Override",
  );
}

function keepNewest<T>(kept: T[], added: readonly T[], limit: number): void {
  for (const item of added) kept.push(item);
  if (kept.length > limit) kept.splice(0, kept.length - limit);
}
