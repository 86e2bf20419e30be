import { hash as digest } from "node:crypto";

const alphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** The order in which md5-crypt writes the sixteen bytes of its digest, three at a time; the last stands alone. */
const order = [0, 6, 12, 1, 7, 13, 2, 8, 14, 3, 9, 15, 4, 10, 5];

const md5 = (...parts: Uint8Array[]): Buffer => digest("md5", Buffer.concat(parts), "buffer");

/**
 * Apache's variant of md5-crypt (`htpasswd -m`, `openssl passwd -apr1`), as in apr_md5.c.
 * A thousand MD5 digests on the calling thread, 1 to 2 ms: for files that exist already, not for new ones.
 * @param salt up to eight characters
 * @returns the 22 characters behind the last `$`
 */
export function apr1(password: string, salt: string): string {
  const key = Buffer.from(password);
  const grains = Buffer.from(salt);
  const inner = md5(key, grains, key);
  const parts: Uint8Array[] = [key, Buffer.from("$apr1$"), grains];
  for (let left = key.length; left > 0; left -= 16) parts.push(inner.subarray(0, Math.min(16, left)));
  for (let bits = key.length; bits > 0; bits >>= 1) parts.push(bits & 1 ? Buffer.of(0) : key.subarray(0, 1));
  let state = md5(...parts);
  for (let round = 0; round < 1000; round += 1) {
    const odd = round % 2 === 1;
    const pieces = [odd ? key : state];
    if (round % 3 !== 0) pieces.push(grains);
    if (round % 7 !== 0) pieces.push(key);
    pieces.push(odd ? state : key);
    state = md5(...pieces);
  }
  let text = "";
  for (let index = 0; index < order.length; index += 3) {
    const [high = 0, middle = 0, low = 0] = order.slice(index, index + 3).map((place) => state[place] ?? 0);
    text += sixBits((high << 16) | (middle << 8) | low, 4);
  }
  return text + sixBits(state[11] ?? 0, 2);
}

function sixBits(value: number, characters: number): string {
  let text = "";
  for (let index = 0; index < characters; index += 1) text += alphabet[(value >> (6 * index)) & 63];
  return text;
}
