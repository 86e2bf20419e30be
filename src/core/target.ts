/** A request target that has one reading: what is judged here is, byte for byte, what is forwarded. */
export interface Target {
  /** The path as it arrived, still percent-encoded. */
  readonly path: string;
  /** The path as Kapacitor routes it: percent-decoded once, UTF-8. */
  readonly decodedPath: string;
  /** The raw query without `?`; undefined when there is no `?`. */
  readonly query: string | undefined;
}

export type TargetResult =
  | { readonly ok: true; readonly target: Target }
  | { readonly ok: false; readonly text: string };

const refuse = (text: string): TargetResult => ({ ok: false, text: `bad request target: ${text}` });

/**
 * Parses the target of a request line as node hands it over (one UTF-16 unit per byte).
 * Refuses every form that two readers could read differently (RFC 9112 section 3.2, and Go's path.Clean redirects in Kapacitor's mux):
 * anything but origin form, fragments, backslashes, bad escapes, encoded slashes and backslashes, control characters, empty and dot
 * segments, bytes that are not UTF-8. Fails closed: what it does not know it refuses.
 */
export function parseTarget(raw: string): TargetResult {
  if (!raw.startsWith("/")) return refuse("it must be an absolute path such as /kapacitor/v1/tasks");
  if (raw.includes("#")) return refuse("it holds a fragment");
  const mark = raw.indexOf("?");
  const path = mark === -1 ? raw : raw.slice(0, mark);
  const query = mark === -1 ? undefined : raw.slice(mark + 1);
  if (query !== undefined && !isVisible(query))
    return refuse("its query holds a character that must be percent-encoded");
  if (path.includes("\\")) return refuse("it holds a backslash");
  if (path.includes("//")) return refuse("it holds an empty segment");
  const decodedPath = decodePercent(path);
  if (decodedPath === undefined) return refuse("it holds a bad percent escape or is not UTF-8");
  if (/%(?:2f|5c)/i.test(path)) return refuse("it holds an encoded slash or backslash");
  if (hasControl(decodedPath)) return refuse("it holds a control character");
  if (/(?:^|\/)\.{1,2}(?:\/|$)/.test(decodedPath)) return refuse("it holds a dot segment");
  return { ok: true, target: { path, decodedPath, query } };
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Percent-decodes a string of bytes (one unit per byte) as UTF-8, once. Returns undefined on a bad escape, on bytes that are not UTF-8
 * and on units above 0xff.
 */
export function decodePercent(text: string): string | undefined {
  if (/^[\x20-\x24\x26-\x7e]*$/.test(text)) return text;
  const bytes = new Uint8Array(text.length);
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === 0x25) {
      const pair = text.slice(i + 1, i + 3);
      if (!/^[0-9a-fA-F]{2}$/.test(pair)) return undefined;
      bytes[length++] = Number.parseInt(pair, 16);
      i += 2;
    } else {
      if (unit > 0xff) return undefined;
      bytes[length++] = unit;
    }
  }
  try {
    return utf8.decode(bytes.subarray(0, length));
  } catch {
    return undefined;
  }
}

function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x20 || (unit >= 0x7f && unit < 0xa0)) return true;
  }
  return false;
}

function isVisible(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit <= 0x20 || unit === 0x7f || unit > 0xff) return false;
  }
  return true;
}
