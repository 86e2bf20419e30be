import type { Rounds } from "../rig/measure.ts";
import type { Peer } from "../rig/peers.ts";
import { findCommand } from "../rig/programs.ts";
import type { Section } from "../rig/report.ts";

export interface PartOptions extends Rounds {
  /** Points per write and connections that are measured. */
  readonly points: readonly number[];
  readonly connections: readonly number[];
}

/** One question that the bench answers. */
export interface Part {
  readonly name: string;
  readonly title: string;
  /** Programs on PATH without which it cannot run, and whether it needs a real Kapacitor. */
  readonly needs: readonly string[];
  readonly needsDaemon: boolean;
  run(options: PartOptions): Promise<Section>;
}

/** Parts the peers into those that are installed and the names of the others. */
export function installed(peers: readonly Peer[]): {
  readonly present: readonly Peer[];
  readonly skipped: readonly string[];
} {
  const isThere = ({ needs }: Peer): boolean => needs === undefined || findCommand(needs) !== undefined;
  return {
    present: peers.filter(isThere),
    skipped: peers.filter((peer) => !isThere(peer)).map(({ name, needs }) => `${name} (${needs} is not installed)`),
  };
}

export function skippedLine(skipped: readonly string[]): string {
  return skipped.length === 0 ? "" : `\n\nSkipped: ${skipped.join(", ")}.`;
}
