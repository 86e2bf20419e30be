import type { Socket } from "node:net";
import { type Deny, deny } from "../core/decision.ts";
import { countPoints } from "../core/line-count.ts";
import { mayJoin } from "../core/line-protocol-joining.ts";
import type { ClientWrite, StreamedBody, WriteAnswerHead } from "../upstream/writes-carrier.ts";
import { writeOverheadBytes } from "../upstream/writes-limits.ts";
import type { Pace } from "../upstream/writes-link.ts";
import type { Arrival, Arrivals } from "./arrivals.ts";
import { watchBody } from "./body.ts";
import { wholeBytes } from "./client-connection.ts";
import { type Exchange, hasBody } from "./exchange.ts";
import { Gathering } from "./gathering.ts";
import { KnownExchange } from "./known-exchange.ts";
import { linger, refuse } from "./respond.ts";
import type { GatewayState } from "./state.ts";
import { keepAliveLines, noContentHead } from "./write-answer.ts";
import { createPassage, type Passage } from "./write-passage.ts";
import type { WriteRoute } from "./write-plan.ts";

/** What is read of a body before it passes through, and what arrives of one before its turn comes. */
const aheadBytes = 65_536;
const noBytes = Buffer.alloc(0);
const overloaded = deny("overloaded", undefined, { retryAfterSeconds: 1 });
const tooSlow = deny("request_timeout", "the request body did not arrive in time");

/** Counts a write that Kapacitor accepted: how many points and bytes for where. */
export type OnWritten = (target: WriteRoute["target"], points: number, bytes: number) => void;

/** What the writes of a lane share. */
export interface LaneMemory {
  /** Connections whose last body Kapacitor refused: theirs travel alone, so that they cost their neighbours nothing. */
  readonly suspects: WeakSet<Socket>;
  /** Told of every write that Kapacitor accepted. */
  readonly written: OnWritten;
  readonly arrivals: Arrivals;
}

/** An admitted write, from its body to its answer. */
export class WriteExchange<E extends Exchange = Exchange> implements ClientWrite, Arrival {
  readonly exchange: E;
  readonly socket: Socket;
  readonly path: string;
  readonly sharedHeaders: readonly string[];
  headers: readonly string[];
  key: string | undefined = undefined;
  body: Buffer | StreamedBody = noBytes;
  reserved = 0;
  place: Arrival["place"] = undefined;
  readonly #state: GatewayState;
  readonly #route: WriteRoute;
  readonly #lane: LaneMemory;
  #gathering: Gathering | undefined;
  #passage: Passage | undefined;
  #submittedAt = 0;
  /** It belongs to the queue, which answers it. */
  #submitted = false;
  /** It has its answer, or nobody is there for one. */
  #over = false;
  /** The head of an answer without a body, to be written when it is complete. */
  #noContent: string | undefined;

  constructor(state: GatewayState, exchange: E, route: WriteRoute, lane: LaneMemory) {
    this.path = route.path;
    this.headers = route.headers;
    this.sharedHeaders = route.sharedHeaders;
    this.exchange = exchange;
    this.socket = exchange.socket;
    this.#state = state;
    this.#route = route;
    this.#lane = lane;
  }

  /** Takes the body in and sends it. Never throws; answers exactly once. */
  start(): void {
    const { request, response } = this.exchange;
    const { contentLength = 0, expectsContinue } = this.exchange.head;
    if (response.destroyed) return;
    if (contentLength > this.#limit) {
      this.#refuse(this.#tooLarge());
      return;
    }
    if (!this.#reserve(writeOverheadBytes)) {
      this.#refuse(overloaded);
      return;
    }
    if (!hasBody(this.exchange)) {
      this.#submit(noBytes);
      return;
    }
    request.on("close", this.leave);
    if (contentLength > wholeBytes) {
      if (this.#reserve(aheadBytes)) this.#passThrough();
      else this.#refuse(overloaded);
      return;
    }
    if (expectsContinue) response.writeContinue();
    request.on("data", this.take);
    request.on("end", this.finish);
    this.#lane.arrivals.add(this);
  }

  /** Takes a body in that somebody else reads, and that is known to be small. False: there is no room, or it is larger than is allowed. */
  open(): boolean {
    return (this.exchange.head.contentLength ?? 0) <= this.#limit && this.#reserve(writeOverheadBytes);
  }

  /** The rest of the body has not come yet. */
  wait(): void {
    if (!this.#over) this.#lane.arrivals.add(this);
  }

  readonly take = (chunk: Buffer): void => {
    if (this.#over) return;
    const { exchange } = this;
    exchange.bytesIn += chunk.length;
    const { contentLength = aheadBytes } = exchange.head;
    this.#gathering ??= new Gathering(contentLength);
    if (exchange.bytesIn > this.#limit) this.#refuse(this.#tooLarge());
    else if (!this.#reserve(this.#gathering.add(chunk))) this.#refuse(overloaded);
    else if (exchange.bytesIn > contentLength) this.#passThrough();
  };

  readonly finish = (): void => {
    if (this.#over) return;
    this.#lane.arrivals.remove(this);
    const body = this.#gathering?.whole() ?? noBytes;
    this.#gathering = undefined;
    if (!this.#lane.suspects.has(this.socket) && mayJoin(body)) this.key = this.#route.key;
    this.#submit(body);
  };

  stalled(): void {
    this.#refuse(tooSlow);
  }

  /** A client that leaves before the end of its body has written nothing; one that leaves later has written, and misses the answer. */
  readonly leave = (): void => {
    if (this.exchange.isComplete || this.#over) return;
    this.#over = true;
    this.#letGo(new Error("the client left"));
  };

  /** Sends the body on as it arrives, after what was read of it. */
  #passThrough(): void {
    const { request } = this.exchange;
    const { contentLength } = this.exchange.head;
    this.#detach();
    request.pause();
    if (contentLength !== undefined) this.headers = [...this.headers, "content-length", String(contentLength)];
    const passage = createPassage(this.exchange, this.#gathering?.parts() ?? [], this.#limit, {
      opened: () => {
        if (!this.#over) watchBody(this.exchange, this.#state.config.http["body-timeout"], () => this.#refuse(tooSlow));
      },
      tooLarge: () => this.#refuse(this.#tooLarge()),
    });
    this.#passage = passage;
    this.#submit(passage);
  }

  #submit(body: Buffer | StreamedBody): void {
    this.body = body;
    this.#submitted = true;
    this.#submittedAt = performance.now();
    this.#route.upstream.writes.submit(this);
  }

  begin(head: WriteAnswerHead): void {
    const { exchange, socket } = this;
    exchange.upstreamMs = performance.now() - this.#submittedAt;
    exchange.upstreamRequestId = head.requestId;
    if (head.status < 300) this.#lane.written(this.#route.target, this.#points(), exchange.bytesIn);
    if (head.status < 400) this.#lane.suspects.delete(socket);
    else if (!head.shared && head.status < 500) this.#lane.suspects.add(socket);
    if (this.#over || exchange.isGone) return;
    try {
      if (exchange instanceof KnownExchange && head.status === 204)
        this.#noContent = noContentHead(head, exchange.requestId);
      else this.#writeHead(head);
    } catch (error) {
      this.fail(deny("upstream_reset", "Kapacitor's answer is not valid HTTP"), String(error));
    }
  }

  #writeHead(head: WriteAnswerHead): void {
    const { exchange } = this;
    const headers = [...head.headers];
    if (head.shared || head.requestId === undefined) headers.push("Request-Id", exchange.requestId);
    if (!exchange.isComplete) exchange.response.shouldKeepAlive = false;
    exchange.response.writeHead(head.status, head.statusText, headers);
  }

  data(chunk: Buffer, pace: Pace): void {
    if (this.#over || this.exchange.isGone || this.#noContent !== undefined) return;
    const { response } = this.exchange;
    this.exchange.bytesOut += chunk.length;
    if (response.write(chunk)) return;
    pace.pause();
    const resume = (): void => {
      response.off("drain", resume).off("close", resume);
      pace.resume();
    };
    response.on("drain", resume).on("close", resume);
  }

  end(): void {
    const { exchange } = this;
    if (this.#over) return;
    this.#over = true;
    if (exchange.isGone) return;
    if (this.#noContent !== undefined && exchange instanceof KnownExchange) {
      exchange.sendNoContent(this.#noContent, keepAliveLines(this.#state.config.http["idle-timeout"]));
      return;
    }
    exchange.response.end();
    if (!exchange.isComplete) linger(exchange.request);
  }

  fail(decision: Deny, cause: string | undefined): void {
    if (this.#over) return;
    this.exchange.cause ??= cause;
    this.#refuse(decision);
  }

  #points(): number {
    if (!this.#route.isPlain) return 0;
    return Buffer.isBuffer(this.body) ? countPoints(this.body) : (this.#passage?.points() ?? 0);
  }

  get #limit(): number {
    return this.#state.config.http["write-max-body-size"];
  }

  #tooLarge(): Deny {
    return deny("body_too_large", `the request body is larger than ${this.#limit} bytes`);
  }

  #reserve(bytes: number): boolean {
    if (!this.#route.upstream.writes.reserve(bytes)) return false;
    this.reserved += bytes;
    return true;
  }

  #refuse(decision: Deny): void {
    if (this.#over) return;
    this.#over = true;
    this.#letGo(new Error(decision.reason));
    if (this.exchange.isGone) return;
    refuse(this.exchange, decision, this.#state.config.http.realm);
    this.exchange.request.resume();
  }

  /** Takes no more of the body; what was sent of it ends as a broken request. */
  #letGo(error: Error): void {
    this.#detach();
    this.#gathering = undefined;
    this.#passage?.cut(error);
    if (!this.#submitted) this.#route.upstream.writes.release(this.reserved);
    this.#submitted = true;
  }

  #detach(): void {
    this.#lane.arrivals.remove(this);
    if (this.exchange instanceof KnownExchange) return;
    this.exchange.request.off("data", this.take);
    this.exchange.request.off("end", this.finish);
  }
}
