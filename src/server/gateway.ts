import type { AddressInfo, Server } from "node:net";
import { isDeepStrictEqual } from "node:util";
import { createVerifier, hashConcurrency } from "../credentials/verifier.ts";
import { createInfluxHolder } from "../influxdb/influx.ts";
import type { Log } from "../observability/logger.ts";
import { createUpstreams } from "../upstream/upstreams.ts";
import { startAdmin } from "./admin.ts";
import { createAdminAnswers } from "./admin-answers.ts";
import { createApiLane } from "./api-lane.ts";
import { type Audits, createAudits } from "./audits.ts";
import { type ClientTrust, createClientCertificates } from "./client-certificates.ts";
import { createDispatch, createEntrance } from "./dispatch.ts";
import { KnownHeads } from "./known-heads.ts";
import { bind, createListener } from "./listen.ts";
import type { Prepared } from "./prepare.ts";
import { createReloadHistory, type ReloadHistory } from "./reload-history.ts";
import { createResolver, type Resolve } from "./resolve.ts";
import { createStanding, type StandingTimes } from "./standing.ts";
import type { GatewayState } from "./state.ts";
import { createTelemetry, type Telemetry } from "./telemetry.ts";
import { createWriteLane } from "./write-lane.ts";

/** The part of shutdown-timeout that is left for answering the writes that still wait. */
const lastWordsMs = 250;
/** When stopping: how long a connection that was in use may stay open for its next request. */
const graceMs = 1000;

/** A running gateway. */
export interface Gateway {
  /** Where clients connect; the port is the real one. */
  readonly address: AddressInfo;
  /** undefined when the admin listener is off. */
  readonly adminAddress: AddressInfo | undefined;
  /** Serves later requests by a new configuration; requests under way finish by the old one. Listening addresses stay. */
  replace(prepared: Prepared): void;
  /** What became of reloads; whoever reloads tells it. */
  readonly reloads: ReloadHistory;
  /** What Kapacitor has stored that the policy would refuse, as of the last audit of each instance. */
  readonly audits: Audits;
  /**
   * Stops: readiness fails, after shutdown-delay the listener closes, requests finish, and what is left after shutdown-timeout is cut;
   * writes that still wait for Kapacitor then are answered with 503 `draining`.
   * Resolves when every connection is closed. A second call returns the same promise.
   */
  stop(): Promise<void>;
}

export interface GatewayExtras {
  /** Finds the addresses of alert targets that are names. */
  readonly resolve?: Resolve | undefined;
  /** The log of `audit-file`. */
  readonly auditFile?: Log | undefined;
  /** The gateway's own. */
  readonly version?: string;
  /** Who audits what Kapacitor has stored; begins when the listeners are there. */
  readonly audits?: Audits | undefined;
  /** How often what lasts is judged again. */
  readonly standing?: StandingTimes | undefined;
}

/** Starts the listeners. Rejects with the system's error when an address cannot be bound; then nothing is left open. */
export async function startGateway(prepared: Prepared, log: Log, extras: GatewayExtras = {}): Promise<Gateway> {
  const { resolve = createResolver(), auditFile, version = "" } = extras;
  const { audits = createAudits(log.pino, resolve) } = extras;
  const verifier = createVerifier({
    users: prepared.users,
    concurrency: hashConcurrency(process.env.UV_THREADPOOL_SIZE),
  });
  const upstreams = createUpstreams((writes) => telemetry.metrics.groupSent(writes));
  const influxdb = createInfluxHolder((cause) => {
    if (cause === undefined) log.pino.info("InfluxDB lists its subscriptions again");
    else log.pino.warn({ cause }, "InfluxDB does not list its subscriptions; the tokens known so far stay valid");
  });
  const certificates = createClientCertificates();
  /** Users, certificates and everything else change at once: nothing waits in between. */
  const createState = (next: Prepared): GatewayState => {
    const influx = influxdb.use(next.influxdb);
    const clientTrust = clientTrustOf(next);
    verifier.replaceUsers(next.users, influx?.directory);
    certificates.use(clientTrust);
    return {
      config: next.config,
      policy: next.policy,
      verifier,
      upstreams: upstreams.use(next.upstreams),
      tokens: influx?.tokens,
      certificates,
      clientTrust,
      log: log.pino,
    };
  };
  let state = createState(prepared);
  let { tls } = prepared;
  let ready = true;
  const reloads = createReloadHistory();
  const telemetry: Telemetry = createTelemetry({
    version,
    log,
    auditFile,
    audits: audits.last,
    reloads,
    state: () => state,
    certificate: () => tls?.certificate,
    connections: () => listener.connections.count(),
    isReady: () => ready,
    addresses: () => ({ clients: listening, admin: admin?.address }),
  });
  const { metrics, observer } = telemetry;
  const heads = new KnownHeads();
  const writeLane = createWriteLane(heads, metrics.written);
  const standing = createStanding(() => state, extras.standing);
  const apiLane = await createApiLane(resolve, standing);
  const dispatch = createDispatch(() => state, apiLane, writeLane, observer);
  const entrance = createEntrance(() => state, writeLane, heads, observer);
  const listener = createListener(prepared.tls?.context, prepared.config.http, dispatch, entrance, log.pino, {
    handshakeFailed: metrics.handshakeFailed,
    limitMet: metrics.connectionClosed,
    requestBroken: observer.requestBroken,
  });
  certificates.watch(listener.server);
  const address = prepared.config.http["bind-address"];
  const giveUp = (error: unknown): never => {
    standing.stop();
    influxdb.close();
    telemetry.stop();
    throw error;
  };
  await bind(listener.server, address).catch(giveUp);
  const listening = addressOf(listener.server);
  const answers = createAdminAnswers(telemetry, () => state.config.admin);
  const admin = await startAdmin(
    prepared.config.admin["bind-address"],
    () => state.config.admin,
    answers,
    (error) => log.pino.error({ cause: String(error) }, "the admin listener failed"),
  ).catch(async (error: unknown) => {
    await listener.close();
    return giveUp(error);
  });

  audits.use(state);

  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    ready = false;
    audits.stop();
    const { "shutdown-delay": delay, "shutdown-timeout": timeout } = state.config.http;
    if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
    const closed = listener.close();
    listener.connections.drain(Math.min(graceMs, timeout / 2));
    const refusal = setTimeout(upstreams.refuseWaiting, timeout - Math.min(lastWordsMs, timeout / 4));
    const cut = setTimeout(() => {
      listener.connections.destroyAll();
      upstreams.close();
    }, timeout);
    await closed;
    standing.stop();
    await listener.connections.settled();
    // Writes of clients that left are on their way as well.
    await upstreams.idle();
    clearTimeout(refusal);
    clearTimeout(cut);
    await admin?.close();
    upstreams.close();
    influxdb.close();
    telemetry.stop();
  };

  return {
    address: listening,
    adminAddress: admin?.address,
    reloads,
    audits,
    replace: (next) => {
      state = createState(next);
      audits.use(state);
      listener.setLimits(next.config.http);
      if (next.tls !== undefined && !isDeepStrictEqual(next.tls.context, tls?.context)) {
        tls = next.tls;
        listener.setTlsContext(tls.context);
      }
      standing.recheck();
    },
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

function clientTrustOf({ tls, config }: Prepared): ClientTrust | undefined {
  const ca = tls?.context.ca;
  const auth = config.tls["client-auth"];
  return typeof ca !== "string" || auth === "none" ? undefined : { ca, required: auth === "required" };
}

function addressOf(server: Server): AddressInfo {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the listener has no address");
  return address;
}
