/** What only shows when keys are read together. None of it reads more than whether a file is there. */
import { checkAddresses } from "./check-addresses.ts";
import { checkInstances } from "./check-instances.ts";
import { checkListeners } from "./check-listeners.ts";
import { checkUsers } from "./check-users.ts";
import type { Config } from "./schema.ts";
import type { CheckFinding, Finding, Path } from "./tree.ts";

export interface CheckContext {
  /** Whether somebody is going to connect: then there must be a certificate and somebody who can log in. */
  readonly serving: boolean;
  /** Canonical addresses of this machine's interfaces. */
  readonly ownAddresses: readonly string[];
  /** Keys that hold something wrong already; what depends on one of them is not judged. */
  readonly broken: readonly Path[];
}

export function check(config: Config, context: CheckContext): readonly Finding[] {
  const findings: readonly CheckFinding[] = [
    ...checkUsers(config, context.serving),
    ...checkInstances(config),
    ...checkListeners(config, context.serving),
    ...checkAddresses(config, context.ownAddresses),
  ];
  return findings.filter(({ path, involves = [] }) =>
    [path, ...involves].every((key) => !context.broken.some((other) => isRelated(key, other))),
  );
}

/** Whether one path is the other or leads to it. */
function isRelated(left: Path, right: Path): boolean {
  const length = Math.min(left.length, right.length);
  return left.slice(0, length).every((step, index) => step === right[index]);
}
