import type { Server as HttpServer, IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Tracked } from "./connections.ts";
import { HttpStream } from "./http-stream.ts";
import type { KnownExchange } from "./known-exchange.ts";
import { findHead, type HeadBytes, type KnownHead } from "./known-heads.ts";

/** A write whose head was read before, and the body that arrives for it. */
export interface DirectWrite {
  readonly exchange: KnownExchange;
  take(chunk: Buffer): void;
  /** The rest of the body has not come yet. */
  wait(): void;
  finish(): void;
  /** The client has left. */
  leave(): void;
}

/** Where the requests of a connection go. */
export interface Entrance {
  /** What is known of a head that came from this address. */
  find(peer: string | undefined, head: HeadBytes): KnownHead | undefined;
  /**
   * Opens a write; undefined: it is for node to read.
   * @param ended told once, when the answer was taken or the connection is gone
   */
  open(socket: Socket, known: KnownHead, head: HeadBytes, ended: () => void): DirectWrite | undefined;
}

/** Where node reads the requests of connections that it is given. */
export interface HttpReader {
  readonly server: HttpServer;
  readonly connections: WeakMap<Socket | HttpStream, ClientConnection>;
}

/** Bodies that say they are no larger are read whole before anything is sent; others pass through as they arrive. */
export const wholeBytes = 262_144;

/**
 * A connection of a client. Node's HTTP server reads its requests, each from its first byte. Only a write whose head is the same, byte by byte,
 * as one that node has read before is not read again: where it ends, its Content-Length tells. Whatever is not exactly so, node reads.
 */
export class ClientConnection {
  readonly socket: Socket;
  readonly #entrance: Entrance;
  readonly #reader: HttpReader;
  readonly #tracked: Tracked;
  /** Node reads, until the answer to what it was given. */
  #stream: HttpStream | undefined;
  /** Of the first request in the stream. */
  #head: HeadBytes | undefined;
  /** Bytes that the stream was given, and those of the one request in it; undefined: that is not known, and node reads for good. */
  #given = 0;
  #wanted: number | undefined;
  /** There was more, and not only the line ends that node passes over. */
  #isAhead = false;
  /** The last request that node has read the head of. */
  #reading: IncomingMessage | undefined;
  #write: DirectWrite | undefined;
  /** Bytes of its body that are still to come. */
  #missing = 0;
  /** What came before the answer that it has to wait for. */
  #behind: Buffer | undefined;
  /** The client sends no more. */
  #isLast = false;

  constructor(socket: Socket, entrance: Entrance, reader: HttpReader, tracked: Tracked) {
    this.socket = socket;
    this.#entrance = entrance;
    this.#reader = reader;
    this.#tracked = tracked;
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("end", () => {
      if (this.#stream !== undefined) this.#stream.push(null);
      // What was sent whole before it is still served.
      else if (this.#write !== undefined && this.#missing === 0) this.#isLast = true;
      else socket.end();
    });
    socket.on("close", () => {
      this.#stream?.destroy();
      this.#write?.leave();
      this.#write?.exchange.end(false);
    });
  }

  /** Node has read the head of a request. */
  began(request: IncomingMessage, response: ServerResponse): void {
    this.#tracked.began(response);
    this.#reading = request;
    response.once("close", () => {
      this.#tracked.ended(response);
      this.#answered(request);
    });
  }

  /** The bytes of the head that node has read; undefined where it is not certain which they are. */
  claim(request: IncomingMessage): HeadBytes | undefined {
    const head = this.#head;
    this.#head = undefined;
    if (head !== undefined && request.headers["transfer-encoding"] === undefined) return head;
    this.#wanted = undefined;
    return undefined;
  }

  /** The answer to a request that node has read has ended. When nothing else was read, node lets go of the connection. */
  #answered(request: IncomingMessage): void {
    const stream = this.#stream;
    if (stream === undefined || stream.destroyed || stream.writableEnded || !request.complete) return;
    // The next head has begun: its time runs.
    if (this.#isAhead && this.#wanted !== undefined) this.#tracked.received();
    if (this.#given !== this.#wanted) return;
    stream.release();
    this.#stream = undefined;
    this.#reading = undefined;
    this.socket.resume();
  }

  #take(chunk: Buffer): void {
    if (this.#stream === undefined && this.socket.writableEnded) return;
    if (this.#stream !== undefined) {
      // The rest of a body that was answered before its end is no head.
      if (this.#reading?.complete !== false) this.#tracked.received();
      this.#feed(this.#stream, chunk);
    } else if (this.#write === undefined) this.#begin(chunk);
    else if (this.#missing > 0) this.#takeBody(this.#write, chunk);
    else {
      this.#behind = this.#behind === undefined ? chunk : Buffer.concat([this.#behind, chunk]);
      this.socket.pause();
    }
  }

  #begin(chunk: Buffer): void {
    const head = findHead(chunk);
    const known = head === undefined ? undefined : this.#entrance.find(this.socket.remoteAddress, head);
    const { contentLength = Number.POSITIVE_INFINITY } = head ?? {};
    if (head !== undefined && known !== undefined && contentLength <= wholeBytes) {
      const write = this.#entrance.open(this.socket, known, head, () => this.#ended());
      if (write !== undefined) {
        this.#write = write;
        this.#missing = contentLength;
        this.#tracked.began(write.exchange);
        this.#takeBody(write, chunk.subarray(head.length));
        return;
      }
    }
    this.#give(chunk, head);
  }

  #takeBody(write: DirectWrite, chunk: Buffer): void {
    const part = chunk.length > this.#missing ? chunk.subarray(0, this.#missing) : chunk;
    this.#missing -= part.length;
    if (part.length < chunk.length) this.#behind = chunk.subarray(part.length);
    if (part.length > 0) write.take(part);
    if (this.#missing > 0 && this.#isLast) this.socket.end();
    else if (this.#missing > 0) write.wait();
    else {
      write.exchange.isComplete = true;
      write.finish();
      // It was answered before its end.
      if (write.exchange.isGone) this.#next();
    }
  }

  /** Gives node a request, and whatever comes behind it. */
  #give(chunk: Buffer, head: HeadBytes | undefined): void {
    const stream = new HttpStream(this.socket);
    this.#stream = stream;
    this.#head = head;
    this.#given = 0;
    this.#isAhead = false;
    this.#wanted = head === undefined ? undefined : head.length + (head.contentLength ?? 0);
    this.#reader.connections.set(stream, this);
    this.#tracked.received();
    this.#reader.server.emit("connection", stream);
    this.#feed(stream, chunk);
    if (this.#isLast) stream.push(null);
  }

  #feed(stream: HttpStream, chunk: Buffer): void {
    const mine = (this.#wanted ?? Number.POSITIVE_INFINITY) - this.#given;
    this.#given += chunk.length;
    this.#isAhead ||=
      chunk.length > mine && chunk.subarray(Math.max(mine, 0)).some((byte) => byte !== 13 && byte !== 10);
    stream.feed(chunk);
  }

  #ended(): void {
    const { socket } = this;
    const exchange = this.#write?.exchange;
    if (exchange === undefined) return;
    this.#tracked.ended(exchange);
    if (socket.destroyed) return;
    if (!exchange.shouldKeepAlive) socket.destroySoon();
    else if (this.#missing === 0) this.#next();
  }

  /** Goes on behind an answer. */
  #next(): void {
    const behind = this.#behind;
    this.#write = undefined;
    this.#behind = undefined;
    if (behind === undefined && this.#isLast) this.socket.end();
    if (behind === undefined || this.socket.writableEnded) return;
    this.socket.resume();
    this.#begin(behind);
  }
}
