import { parseAddress } from "../core/cidr.ts";
import { type Deny, deny, type Forward, type Inspect } from "../core/decision.ts";
import { headerValues } from "../core/headers.ts";
import { classInfo } from "../core/routes.ts";
import type { Upstream } from "../upstream/instance.ts";
import { readBody } from "./body.ts";
import { createDefinitions } from "./definitions.ts";
import type { Exchange } from "./exchange.ts";
import { forward, type Sent } from "./forwarding.ts";
import type { Resolve } from "./resolve.ts";
import { refuse } from "./respond.ts";
import { settle } from "./settle.ts";
import type { GatewayState } from "./state.ts";

/** Carries out a decision that lets a request on, after finding out what it asks for. Answers exactly once. */
export type CarryOut = (state: GatewayState, exchange: Exchange, decision: Forward | Inspect) => Promise<void>;

/** A definition that Kapacitor has not answered after so many milliseconds holds up the others no longer. */
const longestDefinition = 600_000;

/** One for the life of a gateway: its queue of definitions outlives a reload. */
export function createCarryOut(resolve: Resolve): CarryOut {
  const definitions = createDefinitions();

  return async (state, exchange, decision) => {
    const plan = decision.kind === "inspect" ? decision.plan : decision;
    const { realm, "max-body-size": limit, "body-timeout": bodyTimeout } = state.config.http;
    const upstream = state.upstreams.get(plan.instance);
    const route = exchange.located?.route;
    if (upstream === undefined || route?.kind !== "route") return refuse(exchange, deny("internal_error"), realm);
    // Where nothing is judged there is nothing that could change between judging and sending.
    const inTurn = classInfo(route.class).definition === true && state.policy.alerts.has(plan.instance);
    exchange.wouldRefuse = plan.wouldRefuse;
    if (decision.kind === "forward" && !inTurn) return void (await forward(state, exchange, plan));
    if (decision.kind === "inspect" && isEncoded(exchange.rawHeaders))
      return refuse(exchange, deny("body_encoding"), realm);
    const read = await readBody(exchange, limit, bodyTimeout);
    if (read.kind === "gone") return;
    if (read.kind === "deny") return refuse(exchange, read, realm);
    const judge = async (): Promise<Forward | undefined> => {
      const final =
        decision.kind === "forward" ? decision : await decideFor(state, exchange, decision, read.bytes, upstream);
      if (final === "gone") return undefined;
      if (final.kind === "deny") {
        refuse(exchange, final, realm);
        return undefined;
      }
      exchange.wouldRefuse = final.wouldRefuse;
      return final;
    };
    if (!inTurn) {
      const final = await judge();
      if (final !== undefined) await forward(state, exchange, final, read.bytes);
      return;
    }

    const left = new AbortController();
    const onClose = (): void => left.abort();
    exchange.response.once("close", onClose);
    const turn = await definitions.enter({
      key: upstream.options.url,
      bytes: read.bytes.length,
      waitMs: upstream.options.timeoutMs,
      signal: left.signal,
    });
    exchange.response.off("close", onClose);
    if (turn.kind === "gone") return;
    if (turn.kind === "overloaded") {
      const text = "too many definitions wait for Kapacitor; try again";
      return refuse(exchange, deny("overloaded", text, { retryAfterSeconds: 1 }), realm);
    }
    let sent: Promise<Sent> | undefined;
    try {
      const final = await judge();
      if (final === undefined) return;
      sent = forward(state, exchange, final, read.bytes);
      // Its sender may have been told that there is no answer; what comes next is judged on what Kapacitor has when it is done.
      await atMost(
        longestDefinition,
        sent.then(({ done }) => done),
      );
    } finally {
      turn.release();
    }
    await sent;
  };

  /** Settles an inspection for a client that waits. */
  async function decideFor(
    state: GatewayState,
    exchange: Exchange,
    inspection: Inspect,
    body: Buffer,
    upstream: Upstream,
  ): Promise<Forward | Deny | "gone"> {
    const { localAddress, localPort } = exchange.socket;
    const address = localAddress === undefined ? undefined : parseAddress(localAddress);
    const gateway = address === undefined || localPort === undefined ? undefined : { address, port: localPort };
    const isGone = (): boolean => exchange.response.destroyed;
    const settled = await settle(state.policy, inspection, { body, upstream, resolve, gateway, isGone });
    if (settled.kind === "gone") return "gone";
    if (settled.kind !== "unknown") return settled;
    exchange.cause = settled.cause;
    return settled.decision;
  }
}

/** Kapacitor reads no Content-Encoding but that of writes: an encoded body would be judged as something that it is not. */
export function isEncoded(rawHeaders: readonly string[]): boolean {
  const [encoding = ""] = headerValues(rawHeaders, "content-encoding");
  return !["", "identity"].includes(encoding.trim().toLowerCase());
}

async function atMost(milliseconds: number, done: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([done, late]);
  clearTimeout(timer);
}
