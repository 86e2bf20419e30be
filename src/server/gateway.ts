import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createVerifier, hashConcurrency, type Verifier } from "../credentials/verifier.ts";
import type { Log } from "../observability/logger.ts";
import { createUpstream, type Upstream } from "../upstream/instance.ts";
import { startAdmin } from "./admin.ts";
import { createApiLane } from "./api-lane.ts";
import { createDispatch } from "./dispatch.ts";
import { bind, createListener } from "./listen.ts";
import type { Prepared } from "./prepare.ts";
import type { GatewayState } from "./state.ts";
import { createWriteLane } from "./write-lane.ts";

/** A running gateway. */
export interface Gateway {
  /** Where clients connect; the port is the real one. */
  readonly address: AddressInfo;
  /** undefined when the admin listener is off. */
  readonly adminAddress: AddressInfo | undefined;
  /** Serves later requests by a new configuration; requests under way finish by the old one. Listening addresses stay. */
  replace(prepared: Prepared): void;
  /**
   * Stops: readiness fails, after shutdown-delay the listener closes, requests finish, and what is left after shutdown-timeout is cut.
   * Resolves when every connection is closed. A second call returns the same promise.
   */
  stop(): Promise<void>;
}

/** Starts the listeners. Rejects with the system's error when an address cannot be bound; then nothing is left open. */
export async function startGateway(prepared: Prepared, log: Log): Promise<Gateway> {
  const verifier = createVerifier({
    users: prepared.users,
    concurrency: hashConcurrency(process.env.UV_THREADPOOL_SIZE),
  });
  let state = createState(prepared, verifier, log);
  let ready = true;
  const dispatch = createDispatch(() => state, await createApiLane(), createWriteLane());
  const listener = createListener(prepared.tls?.context, prepared.config.http, dispatch, log.pino);
  const address = prepared.config.http["bind-address"];
  await bind(listener.server, address);
  const admin = await startAdmin(prepared.config.admin, { isReady: () => ready }).catch(async (error: unknown) => {
    await close(listener.server);
    throw error;
  });

  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    ready = false;
    const { "shutdown-delay": delay, "shutdown-timeout": timeout } = state.config.http;
    if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
    const closed = close(listener.server);
    listener.connections.drain();
    const cut = setTimeout(() => listener.connections.destroyAll(), timeout);
    await closed;
    await listener.connections.settled();
    clearTimeout(cut);
    await admin?.close();
    for (const upstream of state.upstreams.values()) upstream.close();
  };

  return {
    address: addressOf(listener.server),
    adminAddress: admin?.address,
    replace: (next) => {
      const old = state;
      verifier.replaceUsers(next.users);
      state = createState(next, verifier, log);
      if (next.tls !== undefined) listener.setTlsContext(next.tls.context);
      retire(old.upstreams);
    },
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

function createState(prepared: Prepared, verifier: Verifier, log: Log): GatewayState {
  const upstreams = new Map(prepared.upstreams.map((options) => [options.name, createUpstream(options)]));
  return { config: prepared.config, policy: prepared.policy, verifier, upstreams, log: log.pino };
}

/** Closes the idle connections of upstreams that no new request will use; those in use close with their last request. */
function retire(upstreams: ReadonlyMap<string, Upstream>): void {
  for (const upstream of upstreams.values()) upstream.retire();
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

function addressOf(server: Server): AddressInfo {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the listener has no address");
  return address;
}
