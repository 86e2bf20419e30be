import { parseAddress } from "../core/cidr.ts";
import { type Deny, deny, type Forward, type Inspect } from "../core/decision.ts";
import { headerValues } from "../core/headers.ts";
import type { Fact } from "../core/inspect-parts.ts";
import { resume } from "../core/policy.ts";
import { classInfo } from "../core/routes.ts";
import { lookUpPath, type Need, needKey } from "../core/stored-state.ts";
import type { Upstream } from "../upstream/instance.ts";
import { askUpstream } from "../upstream/state.ts";
import { readBody } from "./body.ts";
import { createDefinitions } from "./definitions.ts";
import type { Exchange } from "./exchange.ts";
import { forward, type Sent } from "./forwarding.ts";
import type { Resolve } from "./resolve.ts";
import { refuse } from "./respond.ts";
import type { GatewayState } from "./state.ts";

/** Carries out a decision that lets a request on, after finding out what it asks for. Answers exactly once. */
export type CarryOut = (state: GatewayState, exchange: Exchange, decision: Forward | Inspect) => Promise<void>;

/** Facts that are gathered at the same time. */
const mostAtOnce = 8;

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
    if (decision.kind === "inspect" && isEncoded(exchange)) return refuse(exchange, deny("body_encoding"), realm);
    const read = await readBody(exchange, limit, bodyTimeout);
    if (read.kind === "gone") return;
    if (read.kind === "deny") return refuse(exchange, read, realm);
    const judge = async (): Promise<Forward | undefined> => {
      const final =
        decision.kind === "forward" ? decision : await settle(state, exchange, decision, read.bytes, upstream);
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
      // An answer that never ends, or never begins (a replay has no limit), must not hold up everybody else for ever.
      await atMost(
        upstream.options.timeoutMs,
        sent.then(({ done }) => done),
      );
    } finally {
      turn.release();
    }
    await sent;
  };

  async function settle(
    state: GatewayState,
    exchange: Exchange,
    inspection: Inspect,
    body: Buffer,
    upstream: Upstream,
  ): Promise<Forward | Deny | "gone"> {
    const { localAddress, localPort } = exchange.request.socket;
    const address = localAddress === undefined ? undefined : parseAddress(localAddress);
    const gateway = address === undefined || localPort === undefined ? undefined : { address, port: localPort };
    let decision: Forward | Inspect | Deny = inspection;
    while (decision.kind === "inspect") {
      const gathered = await gather(exchange, decision.needs, body, upstream);
      if (exchange.response.destroyed) return "gone";
      if (gathered.kind === "deny") return gathered;
      decision = resume(state.policy, decision, gathered.facts, gateway);
    }
    return decision;
  }

  async function gather(
    exchange: Exchange,
    needs: readonly Need[],
    body: Buffer,
    upstream: Upstream,
  ): Promise<Deny | { readonly kind: "facts"; readonly facts: ReadonlyMap<string, Fact> }> {
    const facts = new Map<string, Fact>();
    const open = [...needs];
    let failed: Deny | undefined;
    const work = async (): Promise<void> => {
      for (let question = open.shift(); question !== undefined && failed === undefined; question = open.shift()) {
        const fact = await find(exchange, question, body, upstream);
        if (fact.kind === "deny") failed = fact;
        else facts.set(needKey(question), fact);
      }
    };
    await Promise.all(Array.from({ length: mostAtOnce }, work));
    return failed ?? { kind: "facts", facts };
  }

  async function find(exchange: Exchange, question: Need, body: Buffer, upstream: Upstream): Promise<Fact | Deny> {
    if (question.kind === "body") return { kind: "body", bytes: body };
    if (question.kind === "addresses") return { kind: "addresses", addresses: await resolve(question.name) };
    const path = lookUpPath(question);
    if (path === undefined) return deny("stored_state_unreadable");
    const outcome = await askUpstream(upstream, path);
    if (outcome.kind === "answer") return { kind: "stored", answer: outcome.answer };
    exchange.cause = outcome.cause;
    return outcome.decision;
  }
}

/** Kapacitor reads no Content-Encoding but that of writes: an encoded body would be judged as something that it is not. */
function isEncoded(exchange: Exchange): boolean {
  const [encoding = ""] = headerValues(exchange.rawHeaders, "content-encoding");
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
