/** What the gateway itself tells the upstream about a request. */
export interface ForwardContext {
  /** `host:port` of the upstream. */
  readonly upstreamHost: string;
  /** The socket peer, as X-Forwarded-For's last entry. */
  readonly remoteAddress: string;
  /** X-Forwarded-For of a trusted proxy, kept in front of the peer; undefined from anybody else. */
  readonly forwardedFor: string | undefined;
  readonly scheme: "http" | "https";
  /** The Host header of the client. */
  readonly host: string;
  /** Credentials configured for the upstream, as an Authorization value. */
  readonly authorization: string | undefined;
  /** Who the request is from, for the upstream's log, and the name of the header for it in lower case; undefined: it is not told. */
  readonly principal?: { readonly header: string; readonly value: string } | undefined;
  /** Length of the body when it was read and judged; undefined when it streams through with the client's own framing. */
  readonly bodyLength: number | undefined;
}

/** Connection-specific fields (RFC 9110 section 7.6.1) and those that old software treats as such. */
const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Never passed on: the gateway sets them itself or nobody behind it may believe them. */
const owned = new Set([
  "host",
  "authorization",
  "expect",
  "content-length",
  "forwarded",
  "via",
  "proxy",
  "x-real-ip",
  "request-id",
]);

/** Fields that may stand once in a request; twice means two readings. */
const singular = new Set([
  "host",
  "authorization",
  "content-length",
  "content-encoding",
  "transfer-encoding",
  "expect",
  "origin",
  "sec-fetch-site",
]);

/** Underscores are hyphens to CGI-like readers, so both spellings are one name here. */
const canonicalName = (name: string): string => name.toLowerCase().replaceAll("_", "-");

function connectionNamed(raw: readonly string[]): Set<string> {
  const names = new Set<string>();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (raw[i]?.toLowerCase() !== "connection") continue;
    for (const name of (raw[i + 1] ?? "").split(",")) names.add(canonicalName(name.trim()));
  }
  return names;
}

/**
 * Says why the header section of a request has more than one reading, or undefined when it has one.
 * Node's parser has already refused conflicting lengths and bad syntax; this adds what it lets through: repeated single-valued fields,
 * transfer codings other than `chunked`, a body framed by chunks on methods whose client side adds no framing of its own (that is how a
 * second request was smuggled through http-proxy-3), chunks under HTTP/1.0, versions other than 1.0 and 1.1, other expectations, and host
 * names that are not plain.
 */
export function framingProblem(method: string, httpVersion: string, raw: readonly string[]): string | undefined {
  if (httpVersion !== "1.1" && httpVersion !== "1.0") return `HTTP/${httpVersion} is not spoken here`;
  const seen = new Set<string>();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? "").toLowerCase();
    const value = raw[i + 1] ?? "";
    if (singular.has(name)) {
      if (seen.has(name)) return `the header ${name} is sent twice`;
      seen.add(name);
    }
    if (name === "transfer-encoding") {
      if (value.toLowerCase() !== "chunked") return "the only transfer coding taken is chunked";
      if (httpVersion === "1.0") return "HTTP/1.0 has no transfer codings";
      if (!["POST", "PUT", "PATCH"].includes(method)) return `a chunked body on ${method} is not taken`;
    }
    if (name === "expect" && value.toLowerCase() !== "100-continue")
      return "the only expectation taken is 100-continue";
    if (name === "host" && parseHost(value) === undefined) return "the Host header is not a plain host name";
  }
  return undefined;
}

/** The host name of a Host header in lower case, without port and trailing dot (RFC 9110 section 7.2); undefined when it is not plain. */
export function parseHost(value: string): string | undefined {
  if (value === "") return "";
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9_](?:[a-z0-9_.-]*)))(?::\d{0,5})?$/i.exec(value);
  const name = match?.[1] ?? match?.[2];
  return name?.toLowerCase().replace(/\.$/, "");
}

/** All values of one header, in order. */
export function headerValues(raw: readonly string[], name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) if (raw[i]?.toLowerCase() === name) values.push(raw[i + 1] ?? "");
  return values;
}

/**
 * The header section that the upstream gets: the client's fields less hop-by-hop, Connection-named, credential and forwarding ones
 * and the one that names the principal (in hyphen or underscore spelling), and the gateway's own. Works on raw headers, so nothing that node merged or dropped decides.
 */
export function requestHeaders(raw: readonly string[], context: ForwardContext): Record<string, string | string[]> {
  const named = connectionNamed(raw);
  const principal = context.principal === undefined ? undefined : canonicalName(context.principal.header);
  const headers: Record<string, string | string[]> = Object.create(null);
  let length: string | undefined;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? "").toLowerCase();
    const canonical = canonicalName(name);
    const value = raw[i + 1] ?? "";
    if (name === "content-length") length = value;
    if (hopByHop.has(canonical) || owned.has(canonical) || named.has(canonical) || canonical.startsWith("x-forwarded-"))
      continue;
    if (canonical === principal) continue;
    const earlier = headers[name];
    headers[name] = earlier === undefined ? value : Array.isArray(earlier) ? [...earlier, value] : [earlier, value];
  }
  headers.host = context.upstreamHost;
  headers["x-forwarded-for"] =
    context.forwardedFor === undefined ? context.remoteAddress : `${context.forwardedFor}, ${context.remoteAddress}`;
  headers["x-forwarded-proto"] = context.scheme;
  headers["x-forwarded-host"] = context.host;
  if (context.principal !== undefined) headers[context.principal.header] = context.principal.value;
  if (context.authorization !== undefined) headers.authorization = context.authorization;
  if (context.bodyLength !== undefined) headers["content-length"] = String(context.bodyLength);
  else if (length !== undefined) headers["content-length"] = length;
  return headers;
}

/** The header section that the client gets, as raw name-value pairs: Kapacitor's own, less hop-by-hop and Connection-named fields. */
export function responseHeaders(raw: readonly string[]): string[] {
  const named = connectionNamed(raw);
  const kept: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? "";
    const canonical = canonicalName(name);
    if (hopByHop.has(canonical) || named.has(canonical)) continue;
    kept.push(name, raw[i + 1] ?? "");
  }
  return kept;
}
