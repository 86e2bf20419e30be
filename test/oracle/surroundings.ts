import type { Reason } from "../../src/errors.ts";
import { findProgram } from "../e2e/kapacitord.ts";
import type { Answer } from "../support/gateway.ts";

/** Why the comparisons with a real Kapacitor are left out, or the program to compare with. */
export const daemon = findProgram("KAPACITORD");
export const skip = "missing" in daemon ? `${daemon.missing} to compare with a real Kapacitor` : false;

/** The program; only for tests that are not skipped. */
export function program(): string {
  if ("missing" in daemon) throw new Error(daemon.missing);
  return daemon.path;
}

/** The reason of a refusal of the gateway's own; undefined for what Kapacitor answered. */
export function reasonOf(answer: Answer): Reason | undefined {
  return answer.body.startsWith("{") && answer.body.includes('"code"') ? JSON.parse(answer.body).code : undefined;
}

/** An answer of Kapacitor without what differs between two of them: times, counters, ids, ports, folders, the layout. */
export function normalise(body: string): string {
  return body
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "ID")
    .replace(/\d{4}-\d{2}-\d{2}T[\d:.]+(?:Z|[+-]\d{2}:\d{2})/g, "TIME")
    .replace(/kapgate-oracle-\w+/g, "ROOT")
    .replace(/127\.0\.0\.1:\d+/g, "ADDRESS")
    .replace(/\s+/g, " ")
    .replace(/"dot": "(?:\\.|[^"\\])*",/g, "")
    .replace(/"stats": \{.*?"created"/g, '"created"');
}
