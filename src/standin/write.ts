import { Buffer } from "node:buffer";
import { buffer } from "node:stream/consumers";
import { createGunzip } from "node:zlib";
import { type Answer, type Call, noContent, panic } from "./answer.ts";
import { first } from "./go-url.ts";
import { type ParsedPoint, parseLines } from "./line-protocol.ts";
import { isSince } from "./version.ts";

/** A point that the stand-in took in, where it would have gone and how its timestamp was to be read. */
export interface StoredPoint extends ParsedPoint {
  readonly db: string;
  /** "" when the request named none. */
  readonly rp: string;
  /** As the request named it; `n` when it named none. */
  readonly precision: string;
}

/**
 * `POST /write` (services/httpd/handler.go): all points of the body are stored, or none and the answer says why. Except that
 * a field that cannot be read stops it half way: 1.5 and 1.6 close the connection, later releases say 500.
 */
export async function write(
  call: Call,
  version: string,
  store: (points: readonly StoredPoint[]) => void,
): Promise<Answer> {
  const body = call.headers["content-encoding"] === "gzip" ? await unzip(call.body) : call.body;
  if (typeof body === "string") return refused(body);
  const precision = first(call.query, "precision") || "n";
  const parsed = parseLines(body, precision);
  if (parsed.error !== undefined) return refused(parsed.error);
  const db = first(call.query, "db");
  if (db === "") return refused("database is required");
  const rp = first(call.query, "rp");
  store(parsed.points.map((point) => ({ db, rp, precision, ...point })));
  if (parsed.unreadable === undefined) return noContent;
  const { field, reason } = parsed.unreadable;
  if (reason === undefined || !isSince(version, "1.7.0")) return panic;
  return refused(`unable to unmarshal field ${field}: ${reason}`, 500);
}

/** The error's text, which may quote any byte of the body, and a line feed; Kapacitor labels it as JSON all the same. */
function refused(text: string, status = 400): Answer {
  return { kind: "value", status, body: Buffer.from(`${text}\n`, "latin1") };
}

/** The unpacked body, or what Go's compress/gzip says about it. Go takes no bytes after a member but another member. */
async function unzip(body: Buffer): Promise<Buffer | string> {
  if (body.length === 0) return "EOF";
  const stream = createGunzip();
  stream.end(body);
  try {
    const unpacked = await buffer(stream);
    const left = body.length - stream.bytesWritten;
    return left === 0 ? unpacked : badHeader(left);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "Z_BUF_ERROR") return "unexpected EOF";
    if (message === "incorrect header check") return badHeader(body.length);
    if (message === "incorrect data check" || message === "incorrect length check") return "gzip: invalid checksum";
    return "flate: corrupt input before offset 1";
  }
}

/** A header is read whole, ten bytes, before it is looked at. */
function badHeader(available: number): string {
  return available < 10 ? "unexpected EOF" : "gzip: invalid header";
}
