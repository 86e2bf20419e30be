/** Whether requests find exactly one instance. */
import type { Config } from "./schema.ts";
import type { CheckFinding, Path } from "./tree.ts";

export function checkInstances(config: Config): readonly CheckFinding[] {
  return [
    ...names(config),
    ...hosts(config),
    ...subscriptionPaths(config),
    ...config.kapacitor.flatMap((instance, index) => [
      ...credentials(instance, ["kapacitor", index]),
      ...openWrites(instance, ["kapacitor", index]),
    ]),
    ...credentials(config.influxdb, ["influxdb"]),
    ...handlers(config),
  ];
}

function* names({ kapacitor }: Config): Generator<CheckFinding> {
  const seen = new Map<string, number>();
  for (const [index, { name }] of kapacitor.entries()) {
    const path: Path = ["kapacitor", index, "name"];
    const other = seen.get(name);
    if (!/^[A-Za-z0-9_.-]{1,64}$/.test(name)) {
      yield { severity: "error", path, text: "must be made of letters, digits, dot, underscore and hyphen" };
    } else if (other !== undefined) {
      yield {
        severity: "error",
        path,
        text: `${JSON.stringify(name)} is the name of kapacitor[${other}] as well`,
        involves: [["kapacitor", other, "name"]],
      };
    } else seen.set(name, index);
  }
}

function* hosts({ kapacitor }: Config): Generator<CheckFinding> {
  const seen = new Map<string, number>();
  let open: number | undefined;
  for (const [index, instance] of kapacitor.entries()) {
    const path: Path = ["kapacitor", index, "hosts"];
    if (instance.hosts.length === 0) {
      if (open === undefined) open = index;
      else {
        yield {
          severity: "error",
          path,
          text: `kapacitor[${open}] has no hosts either, so nothing says which of the two a request means; give one of them its Host names`,
          involves: [["kapacitor", open, "hosts"]],
        };
      }
    }
    for (const [item, host] of instance.hosts.entries()) {
      const other = seen.get(host);
      if (other !== undefined) {
        yield {
          severity: "error",
          path: [...path, item],
          text: `selects kapacitor[${other}] already`,
          involves: [["kapacitor", other, "hosts"]],
        };
      } else seen.set(host, index);
    }
  }
}

/** The paths may be secret and are not named. */
function* subscriptionPaths({ kapacitor }: Config): Generator<CheckFinding> {
  for (const [index, instance] of kapacitor.entries()) {
    const own = instance["subscription-path"];
    if (own === "") continue;
    for (const [other, { "subscription-path": path }] of kapacitor.slice(0, index).entries()) {
      const text =
        path === "" || !(`${own}/`.startsWith(`${path}/`) || `${path}/`.startsWith(`${own}/`))
          ? undefined
          : path === own
            ? `is the path of kapacitor[${other}] as well`
            : `and the path of kapacitor[${other}] are nested; take paths of which none is below the other`;
      if (text !== undefined) {
        yield {
          severity: "error",
          path: ["kapacitor", index, "subscription-path"],
          text,
          involves: [["kapacitor", other, "subscription-path"]],
        };
      }
    }
  }
}

/** Half of a login is none. */
function* credentials(
  holder: Pick<Config["kapacitor"][number], "username" | "password"> & { readonly "password-file"?: string },
  path: Path,
): Generator<CheckFinding> {
  const { username, password, "password-file": file = "" } = holder;
  const given = password !== undefined || file !== "";
  if ((username !== "") === given) return;
  const involves: readonly Path[] = ["username", "password", "password-file"].map((key) => [...path, key]);
  if (given)
    yield {
      severity: "error",
      path: [...path, file === "" ? "password" : "password-file"],
      text: "has no username to go with it",
      involves,
    };
  else yield { severity: "error", path: [...path, "username"], text: "has no password to go with it", involves };
}

function* openWrites(instance: Config["kapacitor"][number], path: Path): Generator<CheckFinding> {
  if (instance["subscription-allow-cidrs"].length === 0 || instance["subscription-path"] !== "") return;
  yield {
    severity: "warning",
    path: [...path, "subscription-allow-cidrs"],
    text: "without a subscription-path these addresses may write to /write without credentials",
    involves: [[...path, "subscription-path"]],
  };
}

function* handlers({ alerts, kapacitor }: Config): Generator<CheckFinding> {
  const text = "is empty: whoever may define tasks may use every alert handler, exec included";
  const common: Path = ["alerts", "disable-handlers"];
  const inherits = kapacitor.some((instance) => instance["disable-handlers"] === undefined);
  if (inherits && alerts["disable-handlers"].length === 0) yield { severity: "warning", path: common, text };
  for (const [index, instance] of kapacitor.entries()) {
    if (instance["disable-handlers"]?.length === 0) {
      yield { severity: "warning", path: ["kapacitor", index, "disable-handlers"], text };
    }
  }
}
