import { Buffer, isUtf8 } from "node:buffer";

/**
 * Text out of bytes the way Go's `utf8.DecodeRune` walks them: one replacement for every single invalid byte
 * (WHATWG decoders make one of a whole truncated sequence, so lengths would differ).
 */
function decodeBytes(bytes: Buffer, replacement: (byte: number) => string): string {
  if (isUtf8(bytes)) return bytes.toString("utf8");
  let text = "";
  let plain = 0;
  let at = 0;
  while (at < bytes.length) {
    const size = sequenceLength(bytes, at);
    if (size > 0) {
      at += size;
      continue;
    }
    text += bytes.toString("utf8", plain, at) + replacement(bytes[at] ?? 0);
    at += 1;
    plain = at;
  }
  return text + bytes.toString("utf8", plain);
}

/** As `string(bytes)` looks once Go's encoding/json has touched it: invalid bytes are U+FFFD. */
function replacing(bytes: Buffer): string {
  return decodeBytes(bytes, () => "\ufffd");
}

/** Without loss: an invalid byte `b` becomes the lone surrogate U+DC00 + b, so that unequal bytes stay unequal text. */
export function lossless(bytes: Buffer): string {
  return decodeBytes(bytes, (byte) => String.fromCharCode(0xdc00 + byte));
}

/** The same two readings for text that holds one byte per character (latin1). */
export function replacingLatin1(text: string): string {
  return isAscii(text) ? text : replacing(Buffer.from(text, "latin1"));
}

export function losslessLatin1(text: string): string {
  return isAscii(text) ? text : lossless(Buffer.from(text, "latin1"));
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) if (text.charCodeAt(at) > 0x7f) return false;
  return true;
}

/** How many bytes the UTF-8 sequence at `at` has (RFC 3629), 0 when there is none. */
function sequenceLength(bytes: Buffer, at: number): number {
  const lead = bytes[at] ?? 0;
  if (lead < 0x80) return 1;
  const size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  return at + size <= bytes.length && isUtf8(bytes.subarray(at, at + size)) ? size : 0;
}
