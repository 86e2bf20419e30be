import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { type ResponseHead, ResponseReader } from "./http1-response.ts";

/** A request with the body that follows its head. */
export interface OutgoingRequest {
  /** Request line and header section, complete, in Latin-1. */
  readonly head: string;
  /** Whole, or as it comes: then `isChunked` says how it is framed. */
  readonly body: Buffer | Readable;
  readonly isChunked: boolean;
  /** The head says `Expect: 100-continue`: the body waits for the answer to that. */
  readonly asks: boolean;
}

/** What becomes of a request on a connection. `done` or `failed` comes last, once. */
export interface OutgoingEvents {
  /** The body leaves now: from here on nobody knows whether it was taken, if not by the answer. */
  bodyLeaves(): void;
  head(head: ResponseHead): void;
  data(chunk: Buffer): void;
  /** The answer is complete. */
  done(): void;
  /**
   * @param error why the connection ended
   * @param unsent no byte of the body has left
   */
  failed(error: Error, unsent: boolean): void;
}

interface Task {
  readonly request: OutgoingRequest;
  readonly events: OutgoingEvents;
  /** "asking": only the head was sent. */
  phase: "asking" | "sending" | "sent";
  timer: NodeJS.Timeout | undefined;
}

/** A server that says nothing to a head gets the body all the same after this long (RFC 9110 section 10.1.1), in milliseconds. */
const patienceMs = 500;

export interface Http1ConnectionOptions {
  /** Called when it may take another request. */
  readonly idle: () => void;
  /** Called when the server never said that it wants a body that it then took. */
  readonly wasSilent: () => void;
}

/** An open connection that carries one request at a time. */
export class Http1Connection {
  readonly socket: Socket;
  /** Milliseconds of performance.now(). */
  idleSince = 0;
  readonly #options: Http1ConnectionOptions;
  readonly #reader: ResponseReader;
  #task: Task | undefined;
  #error: Error | undefined;
  #wasSilent = false;

  constructor(socket: Socket, options: Http1ConnectionOptions) {
    this.socket = socket;
    this.#options = options;
    this.#reader = new ResponseReader({
      proceed: () => this.#sendBody(),
      head: (head) => this.#head(head),
      data: (chunk) => this.#task?.events.data(chunk),
      end: (reusable) => this.#end(reusable),
    });
    socket.setNoDelay(true);
    socket.on("data", (data) => this.#feed(data));
    socket.on("end", () => this.#reader.finish());
    socket.on("error", (error) => {
      this.#error = error;
    });
    socket.on("close", () => this.#fail(this.#error ?? new Error("the other side closed the connection")));
  }

  send(request: OutgoingRequest, events: OutgoingEvents): void {
    const task: Task = { request, events, phase: "asking", timer: undefined };
    this.#task = task;
    this.#reader.expect();
    this.socket.ref();
    if (!request.asks) {
      this.socket.cork();
      this.socket.write(request.head, "latin1");
      this.#sendBody();
      this.socket.uncork();
      return;
    }
    this.socket.write(request.head, "latin1");
    task.timer = setTimeout(() => {
      this.#wasSilent = true;
      this.#sendBody();
    }, patienceMs);
  }

  #feed(data: Buffer): void {
    try {
      this.#reader.feed(data);
    } catch (error) {
      this.socket.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #sendBody(): void {
    const task = this.#task;
    if (task?.phase !== "asking") return;
    clearTimeout(task.timer);
    task.phase = "sending";
    task.events.bodyLeaves();
    // Whoever was told may have given it up.
    if (this.socket.destroyed) return;
    const { body, isChunked } = task.request;
    if (Buffer.isBuffer(body)) {
      if (body.length > 0) this.socket.write(body);
      task.phase = "sent";
    } else this.#pipe(task, body, isChunked);
  }

  #pipe(task: Task, body: Readable, isChunked: boolean): void {
    const { socket } = this;
    const resume = (): void => void body.resume();
    const isOver = (): boolean => this.#task !== task;
    body.on("data", (chunk: Buffer) => {
      if (isOver()) return;
      if (!isChunked) {
        if (!socket.write(chunk)) body.pause();
        return;
      }
      socket.cork();
      socket.write(`${chunk.length.toString(16)}\r\n`, "latin1");
      socket.write(chunk);
      if (!socket.write("\r\n", "latin1")) body.pause();
      socket.uncork();
    });
    socket.on("drain", resume);
    body.on("end", () => {
      if (isOver()) return;
      if (isChunked) socket.write("0\r\n\r\n", "latin1");
      task.phase = "sent";
    });
    body.on("error", () => {});
    body.on("close", () => {
      socket.off("drain", resume);
      // A part must not pass for the whole.
      if (!isOver() && task.phase !== "sent") socket.destroy(body.errored ?? new Error("the body broke off"));
    });
  }

  #head(head: ResponseHead): void {
    const task = this.#task;
    if (task === undefined) return;
    clearTimeout(task.timer);
    if (task.phase === "asking" && head.status < 400) {
      task.phase = "sending";
      throw new Error("it answered what it had not read");
    }
    if (this.#wasSilent) this.#options.wasSilent();
    task.events.head(head);
  }

  #end(reusable: boolean): void {
    const task = this.#task;
    if (task === undefined) return;
    this.#task = undefined;
    clearTimeout(task.timer);
    if (task.phase !== "sent") this.#letGo(task);
    if (task.phase !== "sent" || !reusable) this.socket.destroy();
    else if (!this.socket.destroyed) {
      // A receiver that was slow to the end has the next answer at its own pace.
      this.socket.resume();
      this.socket.unref();
      this.#options.idle();
    }
    task.events.done();
  }

  #fail(error: Error): void {
    const task = this.#task;
    if (task === undefined) return;
    this.#task = undefined;
    clearTimeout(task.timer);
    const unsent = task.phase === "asking";
    // One that was not begun may be sent on another connection.
    if (!unsent) this.#letGo(task);
    task.events.failed(error, unsent);
  }

  #letGo({ request }: Task): void {
    if (!Buffer.isBuffer(request.body)) request.body.destroy();
  }
}
