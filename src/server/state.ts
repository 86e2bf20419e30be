import type { Logger } from "pino";
import type { Config } from "../config/schema.ts";
import type { Policy } from "../core/policy.ts";
import type { Verifier } from "../credentials/verifier.ts";
import type { SubscriptionTokens } from "../influxdb/subscriptions.ts";
import type { Upstream } from "../upstream/instance.ts";
import type { ClientCertificates, ClientTrust } from "./client-certificates.ts";

/** Everything a request is served by. One object, swapped whole on reload: a request sees the old or the new, never a mix. */
export interface GatewayState {
  readonly config: Config;
  readonly policy: Policy;
  readonly verifier: Verifier;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  /** The tokens of InfluxDB's subscriptions; undefined: there is no InfluxDB to ask. */
  readonly tokens: SubscriptionTokens | undefined;
  readonly certificates: ClientCertificates;
  /** Whose client certificates count; undefined: nobody is asked for one. */
  readonly clientTrust: ClientTrust | undefined;
  readonly log: Logger;
}
