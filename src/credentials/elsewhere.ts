import type { Principal } from "../core/principal.ts";
import type { Credentials } from "./basic.ts";

/** What somebody who keeps users says about a login. */
export type ElsewhereVerdict =
  | { readonly kind: "ok"; readonly principal: Principal }
  | { readonly kind: "invalid" }
  /** Nobody could be asked. */
  | { readonly kind: "unavailable"; readonly cause: string };

/** Users who are not in the table, but kept by somebody who can be asked. */
export interface Elsewhere {
  /** What is remembered of a login, at once: its principal, or that it was right and has to be asked about again. undefined says nothing. */
  recall(credentials: Credentials): Principal | "stale" | undefined;
  /** Asks. Never rejects. */
  find(credentials: Credentials): Promise<ElsewhereVerdict>;
}
