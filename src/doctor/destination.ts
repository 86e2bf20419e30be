/** The destination of a subscription: where InfluxDB writes to. */
export interface Destination {
  /** As InfluxDB has it, credentials included: to look things up, never to be printed. */
  readonly raw: string;
  /** The same with the password as `[REDACTED]`: for people. */
  readonly text: string;
  /** Lower case, without colon: http, https, udp; "" for what is no URL. */
  readonly scheme: string;
  /** Lower case, an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
  /** Without trailing slashes; "" for none. */
  readonly path: string;
  readonly login: { readonly user: string; readonly password: string } | undefined;
}

const standardPorts: Readonly<Record<string, number>> = { http: 80, https: 443 };

/** Reads a destination as InfluxDB's client does (client/v2: scheme, host, user and path of the URL). What is no URL has no scheme. */
export function readDestination(raw: string): Destination {
  const none = { raw, text: "(not a URL)", scheme: "", host: "", port: 0, path: "", login: undefined };
  if (!URL.canParse(raw)) return none;
  const url = new URL(raw);
  const scheme = url.protocol.slice(0, -1);
  const [, authority = ""] = /^[a-z]+:\/\/(?:[^/?#]*@)?([^/?#]*)/i.exec(raw) ?? [];
  const [, host = "", port = ""] = /^(.*?)(?::([0-9]{1,5}))?$/.exec(authority) ?? [];
  if (host === "") return none;
  const user = decode(url.username);
  const login = url.username === "" ? undefined : { user, password: decode(url.password) };
  const path = decode(url.pathname).replace(/\/+$/, "");
  const shown = login === undefined ? "" : `${url.username}:[REDACTED]@`;
  return {
    raw,
    text: `${scheme}://${shown}${authority}${url.pathname === "/" ? "" : url.pathname}`,
    scheme,
    host: host.replace(/^\[|\]$/g, "").toLowerCase(),
    port: port === "" ? (standardPorts[scheme] ?? 0) : Number(port),
    path,
    login,
  };
}

/** Host and port, as a key. */
export function originOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
