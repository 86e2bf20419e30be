import { Buffer } from "node:buffer";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { type Answer, type Call, noContent } from "./answer.ts";
import { first } from "./go-url.ts";
import { type ParsedPoint, parseLines } from "./line-protocol.ts";

const unpack = promisify(gunzip);

/** A point that the stand-in took in, where it would have gone and how its timestamp was to be read. */
export interface StoredPoint extends ParsedPoint {
  readonly db: string;
  /** "" when the request named none. */
  readonly rp: string;
  /** As the request named it; `n` when it named none. */
  readonly precision: string;
}

/** `POST /write`: all points of the body are stored, or none and the answer says why (services/httpd/handler.go). */
export async function write(call: Call, store: (points: readonly StoredPoint[]) => void): Promise<Answer> {
  const body = call.headers["content-encoding"] === "gzip" ? await unzip(call.body) : call.body;
  if (typeof body === "string") return refused(body);
  const precision = first(call.query, "precision") || "n";
  const parsed = parseLines(body, precision);
  if (parsed.error !== undefined) return refused(parsed.error);
  const db = first(call.query, "db");
  if (db === "") return refused("database is required");
  const rp = first(call.query, "rp");
  store(parsed.points.map((point) => ({ db, rp, precision, ...point })));
  return noContent;
}

/** The error's text, which may quote any byte of the body, and a line feed; Kapacitor labels it as JSON all the same. */
function refused(text: string): Answer {
  return { kind: "value", status: 400, body: Buffer.from(`${text}\n`, "latin1") };
}

/** The unpacked body, or what Go's compress/gzip says about it. */
async function unzip(body: Buffer): Promise<Buffer | string> {
  if (body.length === 0) return "EOF";
  try {
    return await unpack(body);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "Z_BUF_ERROR") return "unexpected EOF";
    if (message === "incorrect header check") return "gzip: invalid header";
    if (message === "incorrect data check" || message === "incorrect length check") return "gzip: invalid checksum";
    return "flate: corrupt input before offset 0";
  }
}
