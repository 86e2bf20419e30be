import { networkInterfaces } from "node:os";
import type { Config } from "../config/schema.ts";
import { nearest } from "../config/suggest.ts";
import { compileDisabled } from "../core/alert-handlers.ts";
import { parseAddress } from "../core/cidr.ts";
import type { Problem } from "../problem.ts";

/** What is wrong or doubtful with the names of disabled handlers, at every place where they are given. */
export function alertProblems(config: Config, source: string | undefined): readonly Problem[] {
  const places: readonly (readonly [key: string, names: readonly string[] | undefined])[] = [
    ["alerts.disable-handlers", config.alerts["disable-handlers"]],
    ...config.kapacitor.map(
      (instance, index) => [`kapacitor[${index}].disable-handlers`, instance["disable-handlers"]] as const,
    ),
  ];
  const place = source === undefined ? {} : { source };
  const problems: Problem[] = [];
  for (const [key, names = []] of places) {
    const { problems: unknown, warnings } = compileDisabled(names, nearest);
    for (const { name, text } of unknown) {
      problems.push({ severity: "error", ...place, key, text: `${JSON.stringify(name)} ${text}` });
    }
    for (const { name, text } of warnings) {
      problems.push({ severity: "warning", ...place, key, text: `${JSON.stringify(name)} ${text}` });
    }
  }
  return problems;
}

/** Canonical addresses of this machine's interfaces. */
export function machineAddresses(): readonly string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .map(({ address }) => parseAddress(address))
    .filter((address) => address !== undefined);
}
