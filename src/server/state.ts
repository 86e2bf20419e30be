import type { Logger } from "pino";
import type { Config } from "../config/schema.ts";
import type { Policy } from "../core/policy.ts";
import type { Verifier } from "../credentials/verifier.ts";
import type { Upstream } from "../upstream/instance.ts";

/** Everything a request is served by. One object, swapped whole on reload: a request sees the old or the new, never a mix. */
export interface GatewayState {
  readonly config: Config;
  readonly policy: Policy;
  readonly verifier: Verifier;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly log: Logger;
}
