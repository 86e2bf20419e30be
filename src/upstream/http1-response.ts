/** Status and header section of an answer. */
export interface ResponseHead {
  readonly status: number;
  readonly statusText: string;
  /** Names and values in turn, as they came. */
  readonly headers: readonly string[];
}

export interface ResponseEvents {
  /** `100 Continue`. */
  proceed(): void;
  head(head: ResponseHead): void;
  data(chunk: Buffer): void;
  /** @param reusable another request may be sent on the connection */
  end(reusable: boolean): void;
}

/** What was read is not an answer in HTTP/1.1, or not one that has a single reading. */
export class MalformedResponse extends Error {
  readonly code = "EMALFORMED";
}

const longestHead = 65_536;
const longestLine = 4096;
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

type Body =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "rest" };

/**
 * Reads the answers of one connection, one after the other, from the parts that they arrive in (RFC 9112). Strict: whatever has more than one
 * reading is malformed, because what is left over would be read as the next answer. Interim answers but 100 are passed over.
 */
export class ResponseReader {
  readonly #events: ResponseEvents;
  #step: (data: Buffer) => Buffer = (data) => this.#readHead(data);
  #kept: Buffer = Buffer.alloc(0);
  #left = 0;
  #reusable = false;
  #idle = true;

  constructor(events: ResponseEvents) {
    this.#events = events;
  }

  /** A request was sent whose answer comes next. */
  expect(): void {
    this.#idle = false;
  }

  /** Throws MalformedResponse; nothing more can be read then. */
  feed(data: Buffer): void {
    for (let rest = data; rest.length > 0; rest = this.#step(rest))
      if (this.#idle) throw new MalformedResponse("an answer that nobody asked for");
  }

  /** The connection has ended. True when that is the end of an answer. */
  finish(): boolean {
    if (this.#step !== this.#readRest) return false;
    this.#end(false);
    return true;
  }

  #readHead(data: Buffer): Buffer {
    const all = this.#kept.length === 0 ? data : Buffer.concat([this.#kept, data]);
    const end = all.indexOf("\r\n\r\n");
    if (end > longestHead || (end === -1 && all.length > longestHead))
      throw new MalformedResponse("its header section is too long");
    if (end === -1) {
      this.#kept = all;
      return Buffer.alloc(0);
    }
    this.#kept = Buffer.alloc(0);
    this.#takeHead(all.toString("latin1", 0, end));
    return all.subarray(end + 4);
  }

  #takeHead(text: string): void {
    const [statusLine = "", ...lines] = text.split("\r\n");
    const [, minor, digits, statusText = ""] = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([^\r\n\0]*))?$/.exec(statusLine) ?? [];
    if (digits === undefined) throw new MalformedResponse("its status line cannot be read");
    const status = Number(digits);
    const headers = lines.flatMap(readField);
    if (status === 100) this.#events.proceed();
    if (status === 101) throw new MalformedResponse("it switches protocols");
    if (status < 200) return;
    const body = bodyOf(status, headers);
    const closes = valuesOf(headers, "connection").some((value) => /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i.test(value));
    this.#reusable = minor === "1" && !closes && body.kind !== "rest";
    this.#events.head({ status, statusText, headers });
    this.#begin(body);
  }

  #begin(body: Body): void {
    if (body.kind === "none" || (body.kind === "length" && body.length === 0)) this.#end(this.#reusable);
    else if (body.kind === "length") {
      this.#left = body.length;
      this.#step = this.#readLength;
    } else this.#step = body.kind === "chunked" ? this.#readSize : this.#readRest;
  }

  #end(reusable: boolean): void {
    this.#step = (data) => this.#readHead(data);
    this.#idle = true;
    this.#events.end(reusable);
  }

  readonly #readRest = (data: Buffer): Buffer => {
    this.#events.data(data);
    return Buffer.alloc(0);
  };

  readonly #readLength = (data: Buffer): Buffer => {
    const part = data.subarray(0, this.#left);
    this.#left -= part.length;
    this.#events.data(part);
    if (this.#left === 0) this.#end(this.#reusable);
    return data.subarray(part.length);
  };

  readonly #readSize = (data: Buffer): Buffer => {
    const line = this.#takeLine(data);
    if (line === undefined) return Buffer.alloc(0);
    const digits = /^([0-9a-fA-F]{1,12})[ \t]*(?:;[^\r\n]*)?$/.exec(line.text)?.[1];
    if (digits === undefined) throw new MalformedResponse("the size of a chunk cannot be read");
    this.#left = Number.parseInt(digits, 16);
    this.#step = this.#left === 0 ? this.#readTrailer : this.#readChunk;
    return line.rest;
  };

  readonly #readChunk = (data: Buffer): Buffer => {
    const part = data.subarray(0, this.#left);
    this.#left -= part.length;
    this.#events.data(part);
    if (this.#left === 0) this.#step = this.#readChunkEnd;
    return data.subarray(part.length);
  };

  readonly #readChunkEnd = (data: Buffer): Buffer => {
    const line = this.#takeLine(data);
    if (line === undefined) return Buffer.alloc(0);
    if (line.text !== "") throw new MalformedResponse("a chunk is longer than its size says");
    this.#step = this.#readSize;
    return line.rest;
  };

  /** Trailers are hop-by-hop here. */
  readonly #readTrailer = (data: Buffer): Buffer => {
    const line = this.#takeLine(data);
    if (line === undefined) return Buffer.alloc(0);
    if (line.text === "") this.#end(this.#reusable);
    else this.#left += line.text.length;
    if (this.#left > longestHead) throw new MalformedResponse("its trailer section is too long");
    return line.rest;
  };

  /** A line and what is behind it; undefined while its end is not there. */
  #takeLine(data: Buffer): { readonly text: string; readonly rest: Buffer } | undefined {
    const all = this.#kept.length === 0 ? data : Buffer.concat([this.#kept, data]);
    const end = all.indexOf("\r\n");
    if (end > longestLine || (end === -1 && all.length > longestLine))
      throw new MalformedResponse("a line is too long");
    this.#kept = end === -1 ? all : Buffer.alloc(0);
    return end === -1 ? undefined : { text: all.toString("latin1", 0, end), rest: all.subarray(end + 2) };
  }
}

function readField(line: string): [string, string] {
  const colon = line.indexOf(":");
  const name = line.slice(0, Math.max(colon, 0));
  const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "");
  if (!token.test(name) || /[\r\n\0]/.test(value)) throw new MalformedResponse("a header field cannot be read");
  return [name, value];
}

function valuesOf(headers: readonly string[], name: string): string[] {
  const values: string[] = [];
  for (let at = 0; at + 1 < headers.length; at += 2)
    if (headers[at]?.toLowerCase() === name) values.push(headers[at + 1] ?? "");
  return values;
}

/** How long the body of an answer to a POST is (RFC 9112 section 6.3). */
function bodyOf(status: number, headers: readonly string[]): Body {
  if (status === 204 || status === 304) return { kind: "none" };
  const codings = valuesOf(headers, "transfer-encoding");
  const lengths = valuesOf(headers, "content-length");
  if (codings.length > 0) {
    if (codings.length > 1 || codings[0]?.toLowerCase() !== "chunked" || lengths.length > 0)
      throw new MalformedResponse("its framing has more than one reading");
    return { kind: "chunked" };
  }
  if (lengths.length === 0) return { kind: "rest" };
  const [length = ""] = lengths;
  if (lengths.length > 1 || !/^\d{1,15}$/.test(length)) throw new MalformedResponse("its length cannot be read");
  return { kind: "length", length: Number(length) };
}
