import { Buffer } from "node:buffer";
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type Answer, type Call, notFound } from "./answer.ts";
import { refuseCredentials } from "./authentication.ts";
import { parseQuery, parseTarget } from "./go-url.ts";
import { LogStreams } from "./logs.ts";
import { Mux } from "./mux.ts";
import { badRequest, redirect, reply, setCors } from "./reply.ts";
import { routes } from "./routes.ts";
import { Store, type StoredHandler, type StoredTask, type StoredTemplate } from "./store.ts";
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

/** Everything that was defined, in no particular order. */
export interface Stored {
  readonly tasks: readonly StoredTask[];
  readonly templates: readonly StoredTemplate[];
  readonly handlers: readonly StoredHandler[];
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
  stored(): Stored;
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
        version: this.#version,
        serverId: randomUUID(),
        takePoints: (points) => {
          for (const { db, rp, measurement } of points) this.#store.count(db, rp, measurement);
          keepNewest(this.points, points, options.pointLimit ?? 100_000);
        },
        patterns: () => this.#mux.patterns(),
      }),
    );
    this.#server.on("connection", (socket: Socket) => {
      this.#connections += 1;
      this.#connectionNumbers.set(socket, this.#connections);
    });
    this.#server.on("clientError", (_error, socket) => badRequest(socket));
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

  stored(): Stored {
    const { tasks, templates } = this.#store;
    return { tasks: [...tasks.values()], templates: [...templates.values()], handlers: this.#store.handlers() };
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
    // net/http says nothing of a connection that stays open.
    if (request.httpVersion === "1.1" && response.shouldKeepAlive) response.removeHeader("Connection");
    const target = parseTarget(recorded.target);
    if (target === undefined) return badRequest(response.socket);
    if (target.path === "*") {
      response.writeHead(recorded.method === "OPTIONS" ? 200 : 400, { Connection: "close", "Content-Length": 0 }).end();
      return;
    }
    const found = this.#mux.find(recorded.method, target.path);
    if (found.kind === "redirect") return redirect(response, recorded.method, target, found.path);
    if (found.kind === "no method") return reply(response, notFound, { version: this.#version, json: false, gzip: 0 });
    response.setHeader("Request-Id", randomUUID());
    setCors(response, request.headers.origin);
    if (recorded.method === "OPTIONS") {
      response.end();
      return;
    }
    const { route, path, preview } = found;
    const call: Call = {
      method: recorded.method,
      path,
      query: parseQuery(target.query),
      rawQuery: target.query,
      headers: request.headers,
      body: recorded.body,
    };
    const refused = this.#refuse(call);
    const answer = refused ?? (await route.handle(call));
    // A preview request passes through the layers of its own route, and when it is let through, of the one it is rewritten to.
    const inner = refused === undefined || !preview;
    response.setHeader("X-Kapacitor-Version", Array<string>(Number(preview) + Number(inner)).fill(this.#version));
    const gzip = String(request.headers["accept-encoding"] ?? "").includes("gzip");
    reply(response, answer, {
      version: this.#version,
      json: (refused !== undefined && preview) || route.noJson !== true,
      gzip: gzip ? Number(preview) + Number(inner && route.noGzip !== true) : 0,
    });
  }

  #refuse(call: Call): Answer | undefined {
    if (this.#options.authentication !== "required") return undefined;
    const text = refuseCredentials(call.headers, call.query);
    return text === undefined ? undefined : { kind: "error", status: 401, text, compact: true };
  }
}

function keepNewest<T>(kept: T[], added: readonly T[], limit: number): void {
  for (const item of added) kept.push(item);
  if (kept.length > limit) kept.splice(0, kept.length - limit);
}
