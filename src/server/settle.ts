import type { Deny, Forward, Inspect } from "../core/decision.ts";
import { deny } from "../core/decision.ts";
import type { Fact } from "../core/inspect-parts.ts";
import { type Policy, resume } from "../core/policy.ts";
import { lookUpPath, type Need, needKey } from "../core/stored-state.ts";
import type { TargetFacts } from "../core/targets.ts";
import type { Upstream } from "../upstream/instance.ts";
import { askUpstream } from "../upstream/state.ts";
import type { Resolve } from "./resolve.ts";

/** Where the facts of an inspection come from. */
export interface FactSources {
  readonly body: Uint8Array;
  readonly upstream: Upstream;
  readonly resolve: Resolve;
  /** Where the client reached the gateway. */
  readonly gateway: TargetFacts["gateway"];
  /** Whether nobody waits for the decision any more. */
  readonly isGone: () => boolean;
}

export type Settled =
  | Forward
  | Deny
  | { readonly kind: "gone" }
  /** Kapacitor could not be asked. `decision` is what the client is told, `cause` is for the log. */
  | { readonly kind: "unknown"; readonly question: Need; readonly decision: Deny; readonly cause: string };

/** Facts that are gathered at the same time. */
const mostAtOnce = 8;

/** Finds out what an inspection asks for, and resumes it, until it is decided. Never rejects. */
export async function settle(policy: Policy, inspection: Inspect, sources: FactSources): Promise<Settled> {
  let decision: Forward | Inspect | Deny = inspection;
  while (decision.kind === "inspect") {
    const gathered = await gather(decision.needs, sources);
    if (sources.isGone()) return { kind: "gone" };
    if (gathered.kind === "unknown") return gathered;
    decision = resume(policy, decision, gathered.facts, sources.gateway);
  }
  return decision;
}

type Unknown = Extract<Settled, { readonly kind: "unknown" }>;

async function gather(
  needs: readonly Need[],
  sources: FactSources,
): Promise<Unknown | { readonly kind: "facts"; readonly facts: ReadonlyMap<string, Fact> }> {
  const facts = new Map<string, Fact>();
  const open = [...needs];
  let failed: Unknown | undefined;
  const work = async (): Promise<void> => {
    for (let question = open.shift(); question !== undefined && failed === undefined; question = open.shift()) {
      const fact = await find(question, sources);
      if (fact.kind === "unknown") failed = fact;
      else facts.set(needKey(question), fact);
    }
  };
  await Promise.all(Array.from({ length: mostAtOnce }, work));
  return failed ?? { kind: "facts", facts };
}

async function find(question: Need, { body, upstream, resolve }: FactSources): Promise<Fact | Unknown> {
  if (question.kind === "body") return { kind: "body", bytes: body };
  if (question.kind === "addresses") return { kind: "addresses", addresses: await resolve(question.name) };
  const path = lookUpPath(question);
  if (path === undefined) {
    return { kind: "unknown", question, decision: deny("stored_state_unreadable"), cause: "it has no path" };
  }
  const outcome = await askUpstream(upstream, path);
  if (outcome.kind === "answer") return { kind: "stored", answer: outcome.answer };
  return { kind: "unknown", question, decision: outcome.decision, cause: outcome.cause };
}
