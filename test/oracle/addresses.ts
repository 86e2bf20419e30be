import { isIPv6 } from "node:net";

/** Ranges that a policy denies, as they are on loopback: see `moveAddresses`. */
export const deniedCidrs = ["0.0.0.0/32", "::/128", "::1/128", "127.0.0.0/16", "127.10.0.0/16"];

/** What the names of the cases lead to, moved as well. */
export const resolve = async (name: string): Promise<readonly string[]> => names[name] ?? [];

const names: Readonly<Record<string, readonly string[]>> = {
  "inside.test": ["127.99.100.7", "127.10.2.3"],
  "outside.test": ["127.99.100.7"],
  "own.test": ["198.51.100.8"],
  "machine.test": ["10.0.0.1"],
};

const ranges = /^(?:10|192\.168|192\.0|169\.254|172\.(?:1[6-9]|2\d|3[01])|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\./;

/** Half an address, that a script puts together, and one whose port would make it Kapacitor's own. */
const special: readonly (readonly [string, string])[] = [
  ["10.0.0.1:9092", "machine.test:9092"],
  ["http://10.'", "http://127.10.'"],
  ["http://198.51'", "http://127.99'"],
];

/**
 * The text with every address in it as one of loopback, since a real Kapacitor does go where it is told: inside (private, link-local, shared) ones are in
 * 127.10.0.0/16 then, others in 127.99.0.0/16. Undefined where an address has no place there.
 */
export function moveAddresses(text: string): string | undefined {
  for (const [, host = ""] of text.matchAll(/\[([0-9a-fA-F:.]+)\]/g)) {
    if (isIPv6(host) && !/^(?:::1?|::ffff:127\.[\d.]+)$/.test(host)) return undefined;
  }
  return special
    .reduce((moved, [from, to]) => moved.replaceAll(from, to), text)
    .replace(/(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])/g, (address) => {
      // Loopback, all addresses, and the names of SNMP.
      if (/^(?:127\.|0\.0\.0\.0$|1\.3\.6\.)/.test(address)) return address;
      return address.replace(/^\d+\.\d+/, ranges.test(address) ? "127.10" : "127.99");
    });
}
