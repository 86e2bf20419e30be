import { Buffer } from "node:buffer";
import type { IncomingHttpHeaders } from "node:http";
import { first, type Query } from "./go-url.ts";

/**
 * Kapacitor with `auth-enabled` and its noauth backend: credentials have to be there, whatever they are.
 * Returns why they are refused (401), undefined when they are taken. No shared secret is set, so no token verifies.
 */
export function refuseCredentials(headers: IncomingHttpHeaders, query: Query): string | undefined {
  const parts = (headers.authorization ?? "").split(" ");
  if (parts.length === 2 && parts[0] === "Bearer") {
    const segments = parts[1]?.split(".").length;
    return `invalid token: ${segments === 3 ? "signature is invalid" : "token contains an invalid number of segments"}`;
  }
  const [, encoded] = /^basic (.*)$/i.exec(headers.authorization ?? "") ?? [];
  if (encoded !== undefined && /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(encoded)) {
    const pair = Buffer.from(encoded, "base64").toString("utf8");
    if (pair.includes(":")) return pair.startsWith(":") ? "username required" : undefined;
  }
  if (first(query, "u") !== "" && first(query, "p") !== "") return undefined;
  return "unable to parse authentication credentials";
}
