import { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Exchange } from "./exchange.ts";
import type { HeadBytes, KnownHead } from "./known-heads.ts";

/**
 * A write whose head was read before. Its ordinary answer is written without node's objects for a request and an answer; those are made when
 * anything else asks for them.
 */
export class KnownExchange extends Exchange {
  isComplete = false;
  /** Whether the connection may stay open behind the answer. */
  shouldKeepAlive = true;
  readonly #ended: () => void;
  #status = 0;
  #delivered = false;
  #isOver = false;
  #request: IncomingMessage | undefined;
  #response: ServerResponse | undefined;

  /** @param ended told once, when the answer was taken or the connection is gone */
  constructor(socket: Socket, { url, rawHeaders, facts }: KnownHead, bytes: HeadBytes, ended: () => void) {
    super(socket, {
      method: "POST",
      url,
      rawHeaders,
      expectsContinue: false,
      contentLength: bytes.contentLength,
      chunked: false,
      bytes,
    });
    this.remoteAddress = facts.remoteAddress;
    this.clientAddress = facts.clientAddress;
    this.viaTrustedProxy = facts.viaTrustedProxy;
    this.target = facts.target;
    this.loggedPath = facts.loggedPath;
    this.located = facts.located;
    this.#ended = ended;
  }

  get isGone(): boolean {
    return this.#isOver || this.socket.destroyed;
  }

  get status(): number {
    return this.#response?.headersSent === true ? this.#response.statusCode : this.#status;
  }

  get isDelivered(): boolean {
    return this.#delivered;
  }

  get headersSent(): boolean {
    return this.status !== 0;
  }

  get writableFinished(): boolean {
    return this.#delivered;
  }

  /** Answers 204. @param head status line and header section, with everything but what is said of the connection */
  sendNoContent(head: string, keepAlive: string): void {
    this.#status = 204;
    const connection = this.shouldKeepAlive ? keepAlive : "Connection: close\r\n";
    this.socket.write(`${head}${connection}\r\n`, "latin1", (error) => this.end(error == null));
  }

  get request(): IncomingMessage {
    if (this.#request === undefined) {
      const request = new IncomingMessage(this.socket);
      request.method = "POST";
      request.url = this.head.url;
      request.httpVersion = "1.1";
      request.httpVersionMajor = 1;
      request.httpVersionMinor = 1;
      request.complete = this.isComplete;
      this.#request = request;
    }
    return this.#request;
  }

  get response(): ServerResponse {
    if (this.#response === undefined) {
      const { socket } = this;
      const response = new ServerResponse(this.request);
      const drain = (): void => void response.emit("drain");
      const end = (): void => {
        socket.off("drain", drain);
        if (response.socket !== null) response.detachSocket(socket);
        this.shouldKeepAlive &&= response.shouldKeepAlive;
        this.end(response.writableFinished);
      };
      response.shouldKeepAlive = this.shouldKeepAlive;
      response.on("error", (error) => {
        this.cause ??= error.message;
      });
      response.once("finish", end).once("close", end);
      response.assignSocket(socket);
      socket.on("drain", drain);
      this.#response = response;
    }
    return this.#response;
  }

  /** There is nothing more to come for the client. */
  end(delivered: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#delivered = delivered;
    this.#ended();
  }
}
