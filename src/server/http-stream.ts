import type { Socket } from "node:net";
import { Duplex } from "node:stream";

/**
 * A connection of a client as node's HTTP server sees it: the bytes that are given to {@link HttpStream.feed} are all that it reads, and what
 * it writes goes to the client. It can be taken away from node without an end of the connection.
 */
export class HttpStream extends Duplex {
  readonly #socket: Socket;
  #released = false;

  constructor(socket: Socket) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
  }

  /** Gives node bytes to read. */
  feed(chunk: Buffer): void {
    if (!this.push(chunk)) this.#socket.pause();
  }

  /** Node reads no more, and the connection lives on. */
  release(): void {
    this.#released = true;
    this.destroy();
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, encoding, done);
  }

  override _writev(
    chunks: readonly { chunk: Buffer; encoding: BufferEncoding }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#socket.cork();
    chunks.forEach(({ chunk, encoding }, index) => {
      this.#socket.write(chunk, encoding, index === chunks.length - 1 ? done : undefined);
    });
    this.#socket.uncork();
  }

  override _final(done: () => void): void {
    this.#socket.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#released) this.#socket.destroy();
    done(error);
  }

  /** Ends the connection behind what was written; node's HTTP server asks for this after an answer that says `Connection: close`. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.#socket.destroySoon();
    else this.once("finish", () => this.#socket.destroySoon());
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  get bytesRead(): number {
    return this.#socket.bytesRead;
  }
}
