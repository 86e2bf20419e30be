import type { ForwardContext } from "../core/headers.ts";
import type { Principal } from "../core/principal.ts";

/**
 * The header that tells Kapacitor who it is; undefined where none is configured. Fields of that name that a client sends are dropped.
 * @param header the configured name, "" for none
 */
export function principalField(header: string, principal: Principal | undefined): ForwardContext["principal"] {
  return header === "" ? undefined : { header: header.toLowerCase(), value: encodeName(principal?.name ?? "") };
}

/**
 * A user name in the characters that a field value may have without being read in two ways (RFC 9110 section 5.5): all but visible ASCII is
 * percent-encoded, and so is `%`, so that no two names are alike in a log.
 */
function encodeName(name: string): string {
  return name.replace(/[^\x21-\x24\x26-\x7e]+/gu, (part) => {
    const bytes = Buffer.from(part, "utf8");
    return [...bytes].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
  });
}
