import { isDeepStrictEqual } from "node:util";
import type { Config } from "../config/schema.ts";
import type { Problem } from "../problem.ts";

/** What is opened once, at the start. */
const fixedKeys = {
  http: ["bind-address", "https-enabled", "handshake-timeout"],
  admin: ["bind-address"],
  logging: ["file", "audit-file", "format"],
} as const;

export interface Kept {
  /** The new configuration with the running values of what cannot change: the policy has to know the address that is listened on. */
  readonly config: Config;
  /** A warning for every key that stays other than it is written. */
  readonly problems: readonly Problem[];
}

/** Takes over from the running configuration what only a restart can change. */
export function keepFixed(next: Config, running: Config): Kept {
  const http = keep(next.http, running.http, fixedKeys.http);
  const admin = keep(next.admin, running.admin, fixedKeys.admin);
  const logging = keep(next.logging, running.logging, fixedKeys.logging);
  const names = [
    ...http.changed.map((key) => `http.${key}`),
    ...admin.changed.map((key) => `admin.${key}`),
    ...logging.changed.map((key) => `logging.${key}`),
  ];
  return {
    config: { ...next, http: http.section, admin: admin.section, logging: logging.section },
    problems: names.map((key) => ({
      severity: "warning",
      key,
      text: "takes a restart to change: what ran before stays in force",
    })),
  };
}

function keep<S extends object, K extends keyof S>(
  next: S,
  running: S,
  keys: readonly K[],
): { readonly section: S; readonly changed: readonly K[] } {
  const section = { ...next };
  const changed = keys.filter((key) => !isDeepStrictEqual(next[key], running[key]));
  for (const key of changed) section[key] = running[key];
  return { section, changed };
}
