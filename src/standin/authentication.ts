import { Buffer } from "node:buffer";
import type { IncomingHttpHeaders } from "node:http";
import { first, type Query } from "./go-url.ts";

/**
 * Kapacitor with `auth-enabled` and its noauth backend: credentials have to be there, whatever they are.
 * Returns why they are refused (401), undefined when they are taken. No shared secret is set, so no token verifies.
 */
export function refuseCredentials(headers: IncomingHttpHeaders, query: Query): string | undefined {
  const parts = (headers.authorization ?? "").split(" ");
  if (parts.length === 2 && parts[0] === "Bearer") return "invalid token: signature is invalid";
  const basic = /^basic (.*)$/i.exec(headers.authorization ?? "");
  if (basic !== null && /^[A-Za-z0-9+/]*={0,2}$/.test(basic[1] ?? "")) {
    const pair = Buffer.from(basic[1] ?? "", "base64").toString("utf8");
    if (pair.includes(":")) return pair.startsWith(":") ? "username required" : undefined;
  }
  if (first(query, "u") !== "" && first(query, "p") !== "") return undefined;
  return "unable to parse authentication credentials";
}
