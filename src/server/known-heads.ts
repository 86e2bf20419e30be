import type { Exchange } from "./exchange.ts";
import type { GatewayState } from "./state.ts";
import type { WritePlan } from "./write-plan.ts";

/** What the gates find out about a request. */
type GateFacts = Pick<
  Exchange,
  "remoteAddress" | "clientAddress" | "viaTrustedProxy" | "target" | "loggedPath" | "located"
>;

/**
 * The head of a write of an accepted writer, as node has read it and as it was judged. Reading, gates and plan are pure functions of the
 * connection's address, the state and the bytes of the head, so for the same bytes they hold as they are. Credentials are not among them:
 * they are verified every time.
 */
export interface KnownHead {
  readonly url: string;
  readonly rawHeaders: readonly string[];
  readonly facts: GateFacts;
  readonly plan: WritePlan;
}

/** The bytes of a head. */
export interface HeadBytes {
  /** As text, one UTF-16 unit per byte, without the digits of Content-Length, the one part that differs from write to write. */
  readonly text: string;
  readonly length: number;
  /** Of the body, in bytes; undefined where the head does not say it in the ordinary way. */
  readonly contentLength: number | undefined;
}

/** Longer heads are judged anew every time, so that what is remembered stays small. */
const longestHead = 4096;
const mostHeads = 2048;
const end = Buffer.from("\r\n\r\n");
const contentLengthLine = /\r\ncontent-length: ?([1-9]\d{0,8})\r\n/i;
/** A line feed or a carriage return that is not part of a line's end: no head that a strict reader takes has one. */
const looseLineEnd = /[^\r]\n|\r[^\n]/;

/** Finds the head that bytes at the beginning of a request start with; undefined where it is not all there, or long. Says nothing of whether it is valid. */
export function findHead(bytes: Buffer): HeadBytes | undefined {
  const at = bytes.indexOf(end);
  const length = at + end.length;
  if (at === -1 || length > longestHead) return undefined;
  const whole = bytes.toString("latin1", 0, length);
  const found = contentLengthLine.exec(whole);
  if (found?.[1] === undefined) return { text: whole, length, contentLength: undefined };
  const after = found.index + found[0].length - 2;
  const text = whole.slice(0, after - found[1].length) + whole.slice(after);
  return { text, length, contentLength: Number(found[1]) };
}

/**
 * Remembers the last heads of accepted writes, because a writer sends the same head over and over. What is found is certain: all bytes but
 * the digits of the length are the same, and so are the address of the connection and the state.
 */
export class KnownHeads {
  /** By address and text, the oldest first; all of one state, so that what was replaced is not kept for their sake. */
  readonly #heads = new Map<string, KnownHead>();
  #state: GatewayState | undefined;

  /** Where clients show certificates a connection is more than its address, and nothing is known. */
  find(state: GatewayState, peer: string | undefined, head: HeadBytes): KnownHead | undefined {
    if (state.clientTrust !== undefined || this.#state !== state) return undefined;
    return this.#heads.get(`${peer} ${head.text}`);
  }

  /** Takes the head of a write whose writer was accepted, if node read it from these bytes. */
  remember(state: GatewayState, exchange: Exchange, plan: WritePlan): void {
    const { bytes, url, rawHeaders, contentLength } = exchange.head;
    const peer = exchange.socket.remoteAddress;
    if (bytes === undefined || peer === undefined || state.clientTrust !== undefined) return;
    if (!bytes.text.startsWith(`POST ${url} HTTP/1.1\r\n`) || looseLineEnd.test(bytes.text)) return;
    if (contentLength === undefined || contentLength !== bytes.contentLength || !isPlain(exchange)) return;
    const { remoteAddress, clientAddress, viaTrustedProxy, target, loggedPath, located } = exchange;
    const facts = { remoteAddress, clientAddress, viaTrustedProxy, target, loggedPath, located };
    if (this.#state !== state) this.#heads.clear();
    this.#state = state;
    const key = `${peer} ${bytes.text}`;
    this.#heads.delete(key);
    this.#heads.set(key, { url, rawHeaders, facts, plan });
    if (this.#heads.size > mostHeads) for (const oldest of this.#heads.keys()) return void this.#heads.delete(oldest);
  }
}

/** Content-Length alone tells where the request ends, and the connection stays open behind it. */
function isPlain({ head: { rawHeaders } }: Exchange): boolean {
  return rawHeaders.every((text, index) => {
    if (index % 2 !== 0) return true;
    const name = text.toLowerCase();
    if (name === "connection") return rawHeaders[index + 1]?.toLowerCase() === "keep-alive";
    return !["upgrade", "expect", "transfer-encoding", "trailer", "te", "keep-alive", "proxy-connection"].includes(
      name,
    );
  });
}
