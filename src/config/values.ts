/**
 * The scalar forms of the configuration: text as the operator writes it ↔ the value that the program uses.
 * Every reader returns a {@link Reading}; the text of a refusal says what to write instead.
 */
import { parseAddress } from "../core/cidr.ts";

export type Reading<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly text: string };

/** Where a listener binds. `host` is "" for all interfaces, an IPv6 host has no brackets; `fd` is an inherited socket. */
export type BindAddress = { readonly host: string; readonly port: number } | { readonly fd: number };

const nanosecondsOf: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

/** Node's timers take 31 bits of milliseconds and fire at once when given more. */
const longestDuration = 2 ** 31 - 1;

/** Reads a Go duration (`1m0s`, `1h30m`, `1.5s`, `500ms`) as whole milliseconds. */
export function readDuration(text: string): Reading<number> {
  if (text === "0") return { ok: true, value: 0 };
  if (text.length > 64 || !/^(?:[0-9]+(?:\.[0-9]+)?(?:ns|us|µs|μs|ms|s|m|h))+$/.test(text)) {
    return no(`must be a duration like "10s", "1m30s" or "500ms"`);
  }
  let total = 0n;
  for (const [, whole = "", fraction = "", unit = ""] of text.matchAll(/([0-9]+)(?:\.([0-9]+))?([a-zµμ]+)/g)) {
    const scale = nanosecondsOf[unit] ?? 0n;
    total += BigInt(whole) * scale + (BigInt(fraction || "0") * scale) / 10n ** BigInt(fraction.length);
  }
  if (total % 1_000_000n !== 0n) return no("must be whole milliseconds");
  const value = Number(total / 1_000_000n);
  return value > longestDuration
    ? no(`must not be longer than ${formatDuration(longestDuration)}`)
    : { ok: true, value };
}

/** Writes milliseconds as Go prints a duration: `1m0s`, `1h30m0s`, `1.5s`, `500ms`, `0s`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds > 0 && milliseconds < 1000) return `${milliseconds}ms`;
  const hours = Math.floor(milliseconds / 3_600_000);
  const minutes = Math.floor(milliseconds / 60_000) % 60;
  const seconds = (milliseconds % 60_000) / 1000;
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}

const sizeUnits = [
  ["GB", 1e9],
  ["MB", 1e6],
  ["KB", 1e3],
  ["B", 1],
] as const;

/** Reads a size: a number of bytes, or text with KB, MB or GB (powers of ten). */
export function readSize(size: number | string): Reading<number> {
  if (typeof size === "number") return checkSize(size);
  const [, digits, unit] = /^([0-9]{1,15}) ?([A-Za-z]*)$/.exec(size) ?? [];
  if (digits === undefined || unit === undefined) return no(sizeForm);
  if (/^[kmgt]i?b?$/i.test(unit) && unit.toLowerCase().includes("i")) {
    return no(`must be bytes, or KB, MB, GB as powers of ten: binary units such as KiB are not taken, write the bytes`);
  }
  const scale = sizeUnits.find(([name]) => name === (unit === "" ? "B" : unit))?.[1];
  return scale === undefined ? no(sizeForm) : checkSize(Number(digits) * scale);
}

/** Writes bytes as {@link readSize} reads them, in the largest unit that divides them. */
export function formatSize(bytes: number): string {
  const [unit, scale] = sizeUnits.find(([, scale]) => bytes % scale === 0 && bytes > 0) ?? ["B", 1];
  return `${bytes / scale}${unit}`;
}

const sizeForm = `must be a number of bytes or a size like "25MB" (KB, MB, GB: powers of ten)`;

function checkSize(bytes: number): Reading<number> {
  if (!Number.isSafeInteger(bytes)) return no("must be a whole number of bytes");
  return bytes < 1 ? no("must be at least one byte") : { ok: true, value: bytes };
}

/** Reads `host:port`, `[::1]:port`, `:port` or `fd:3`. */
export function readBindAddress(text: string): Reading<BindAddress> {
  const [, fd] = /^fd:([0-9]{1,4})$/.exec(text) ?? [];
  if (fd !== undefined) {
    return Number(fd) < 3
      ? no("must not be a standard stream: sockets of systemd begin at fd:3")
      : ok({ fd: Number(fd) });
  }
  const [, host = "", portText = ""] = /^(.*):([0-9]{1,5})$/.exec(text) ?? [];
  const port = Number(portText);
  if (portText === "" || port > 65_535) {
    return no("must end in a port: host:port, [::1]:port, :port (all interfaces), or fd:3 (a socket from systemd)");
  }
  if (host === "*") return no(`must be ":${port}" for all interfaces`);
  if (host === "") return ok({ host, port });
  if (host.includes(":")) {
    const [, inner = ""] = /^\[([^[\]%]*)\]$/.exec(host) ?? [];
    if (parseAddress(inner) === undefined) return no("must have an IPv6 address in brackets: [::1]:port");
    return ok({ host: inner.toLowerCase(), port });
  }
  return isPlainHost(host) ? ok({ host, port }) : no("must name an address or a plain host before the port");
}

/** Writes a listener's address as {@link readBindAddress} reads it; "" for none. */
export function formatBindAddress(address: BindAddress | undefined): string {
  if (address === undefined) return "";
  if ("fd" in address) return `fd:${address.fd}`;
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** Whether the text is a DNS name or a four-part IPv4 address: no port, no scheme, no octal or short address. */
function isPlainHost(text: string): boolean {
  if (text.length > 253 || !/^(?!-)[A-Za-z0-9_-]{1,63}(?:\.(?!-)[A-Za-z0-9_-]{1,63})*$/.test(text)) return false;
  // A last label of digits (or hexadecimal) is read as an address by resolvers and by WHATWG URLs.
  return /(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$/i.test(text) ? parseAddress(text) !== undefined : true;
}

/** Reads a host name or address as requests are compared with it: lower case, no trailing dot, an IPv6 address canonical and without brackets. */
export function readHost(text: string): Reading<string> {
  const [, bracketed] = /^\[([^[\]%]*)\]$/.exec(text) ?? [];
  const address = parseAddress(bracketed ?? text);
  if (address !== undefined) return ok(address);
  const name = (text.endsWith(".") ? text.slice(0, -1) : text).toLowerCase();
  return isPlainHost(name) ? ok(name) : no("must be a plain host name or address, without scheme, port or path");
}

/** Reads the URL of an upstream: http or https, host and port only. Never repeats the text, which may hold a password. */
export function readOrigin(text: string): Reading<string> {
  const form = "must be http://host:port or https://host:port";
  const [, authority] = /^https?:\/\/([^/?#\\\s]*)\/?$/i.exec(text) ?? [];
  if (/^[a-z][a-z0-9+.-]*:\/\/[^/?#\\]*@/i.test(text)) {
    return no(`${form}; credentials do not belong into it, there are keys for them`);
  }
  if (authority === undefined || !URL.canParse(text)) return no(`${form}, without path or query`);
  const url = new URL(text);
  const host = authority.replace(/:[0-9]*$/, "");
  const literal = /^\[(.*)\]$/.exec(host)?.[1];
  const plain = literal === undefined ? isPlainHost(host) : parseAddress(literal) !== undefined;
  return plain && url.port !== "0" ? ok(url.origin) : no(`${form} with a plain host name or address`);
}

/** Reads `host:port` or `[::1]:port` as an alert target. */
export function readTarget(text: string): Reading<string> {
  const [, host = "", port = ""] = /^(.+):([1-9][0-9]{0,4})$/.exec(text) ?? [];
  const reading = host.includes(":") && !host.startsWith("[") ? no("") : readHost(host);
  return reading.ok && Number(port) <= 65_535
    ? ok(reading.value.includes(":") ? `[${reading.value}]:${port}` : `${reading.value}:${port}`)
    : no(`must be host:port, for example "127.0.0.1:5000"`);
}

/**
 * Normalises a subscription path: leading slash added, trailing slashes removed; "" and "/" are none.
 * Only characters that Go, Node and proxies write and read the same way, unencoded; the path may be a secret, so it is not repeated.
 */
export function readSubscriptionPath(text: string): Reading<string> {
  const path = text.replace(/^\/?/, "/").replace(/\/+$/, "");
  if (path === "") return ok("");
  const segments = path.slice(1).split("/");
  if (segments.includes("")) return no("must not have an empty segment (//)");
  if (segments.some((segment) => segment === "." || segment === "..")) return no("must not have dot segments");
  if (path.includes("%")) return no("must be written without percent-encoding");
  if (!/^[A-Za-z0-9._~+=:@,/-]{1,1024}$/.test(path)) {
    return no("must be made of letters, digits and . _ ~ + = : @ , - between its slashes");
  }
  if (/^\/(?:kapacitor|write)(?:\/|$)/i.test(path)) return no("must not be at or under /kapacitor or /write");
  return ok(path);
}

function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

function no(text: string): { readonly ok: false; readonly text: string } {
  return { ok: false, text };
}
