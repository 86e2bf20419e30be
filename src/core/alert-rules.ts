/** The alert policy of one Kapacitor: what `[alerts]` and the same keys of its `[[kapacitor]]` say, compiled. */
import { compileDisabled, type HandlerKindName } from "./alert-handlers.ts";
import { compileTargets, type TargetRules } from "./targets.ts";

/** The keys of `[alerts]` that decisions depend on. */
export interface AlertOptions {
  readonly "disable-handlers": readonly string[];
  readonly "deny-target-cidrs": readonly string[];
  readonly "allow-targets": readonly string[];
  readonly "own-addresses": readonly string[];
  readonly udfs: readonly string[];
  readonly "allow-flux-tasks": boolean;
  readonly mode: "enforce" | "report";
}

/** The part of a `[[kapacitor]]` that its alert policy depends on; a key that is set replaces the one of `[alerts]`. */
export type InstanceAlertOptions = {
  readonly [Key in keyof AlertOptions]?: AlertOptions[Key] | undefined;
} & {
  readonly name: string;
  readonly url: string;
  readonly hosts: readonly string[];
};

/** Where clients reach the gateway; a socket that was passed in has no address yet. */
export type GatewayAddress = { readonly host: string; readonly port: number } | { readonly fd: number };

export interface AlertRules {
  readonly mode: "enforce" | "report";
  readonly disabled: ReadonlySet<HandlerKindName>;
  /** The only UDFs that may be called; empty: all. */
  readonly udfs: ReadonlySet<string>;
  /** Flux tasks cannot be read: they are closed as soon as they could do what a rule forbids. */
  readonly fluxTasks: boolean;
  readonly targets: TargetRules;
}

/**
 * Compiles the policy of an instance; undefined when it has none, that is when no handler is disabled, no target denied and no UDF listed.
 * A handler name that is none, or a bad CIDR, throws a RangeError (the configuration was checked before): skipping it would open the gate.
 * @param machine canonical addresses of the machine's interfaces
 * @param fleet every instance behind the gateway: what one Kapacitor posts to another goes around the gateway as well
 */
export function compileAlertRules(
  common: AlertOptions,
  instance: InstanceAlertOptions,
  gateway: GatewayAddress,
  machine: readonly string[],
  fleet: readonly InstanceAlertOptions[] = [instance],
): AlertRules | undefined {
  const options = optionsOf(common, instance);
  const { disabled, problems } = compileDisabled(options["disable-handlers"]);
  const [problem] = problems;
  if (problem !== undefined) throw new RangeError(`${problem.name} ${problem.text}`);
  const denied = options["deny-target-cidrs"];
  const udfs = new Set(options.udfs);
  if (disabled.size === 0 && denied.length === 0 && udfs.size === 0) return undefined;
  const urls = fleet.map(({ url }) => new URL(url));
  const bound = "host" in gateway ? gateway : undefined;
  return {
    mode: options.mode,
    disabled,
    udfs,
    fluxTasks: options["allow-flux-tasks"] || (disabled.size === 0 && denied.length === 0),
    targets: compileTargets({
      denied,
      allowed: options["allow-targets"],
      own: [
        ...urls.map(({ hostname }) => hostname),
        ...fleet.flatMap(({ hosts }) => hosts),
        ...options["own-addresses"],
        ...machine,
        ...(bound === undefined || bound.host === "" ? [] : [bound.host]),
      ],
      ports: [
        ...urls.map(({ port, protocol }) => Number(port) || (protocol === "https:" ? 443 : 80)),
        ...(bound === undefined ? [] : [bound.port]),
      ],
    }),
  };
}

/** What holds for an instance: its own keys, else those of `[alerts]`. */
export function optionsOf(common: AlertOptions, instance: InstanceAlertOptions): AlertOptions {
  return {
    "disable-handlers": instance["disable-handlers"] ?? common["disable-handlers"],
    "deny-target-cidrs": instance["deny-target-cidrs"] ?? common["deny-target-cidrs"],
    "allow-targets": instance["allow-targets"] ?? common["allow-targets"],
    "own-addresses": instance["own-addresses"] ?? common["own-addresses"],
    udfs: instance.udfs ?? common.udfs,
    "allow-flux-tasks": instance["allow-flux-tasks"] ?? common["allow-flux-tasks"],
    mode: instance.mode ?? common.mode,
  };
}
