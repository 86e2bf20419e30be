import type { Facts, KapacitorFacts, KapacitorState } from "./facts.ts";
import { finding, fine, type Result } from "./finding.ts";
import { isLoopback } from "./gather-kapacitor.ts";
import { gatewayLines, listed } from "./hints.ts";
import { logOf, restart, status } from "./services.ts";

/** Milliseconds by which clocks may differ. */
export const tolerableSkewMs = 5000;

/** Whether a Kapacitor answers, as what, to whom else, and by which clock. */
export function judgeKapacitor(facts: Facts, kapacitor: KapacitorFacts): readonly Result[] {
  const { instance, state } = kapacitor;
  const about = { instance: instance.name };
  return [
    judgeState(facts, kapacitor),
    ...judgeReach(facts, kapacitor),
    ...(kapacitor.takesAnyLogin
      ? [
          finding("kapacitor_any_login", {
            ...about,
            // Where nobody but this machine reaches it, asking for a login is only how it comes to put tokens into its subscriptions.
            ...(isLoopback(new URL(instance.url).hostname) && kapacitor.exposedAt.length === 0
              ? { severity: "note" as const }
              : {}),
            what: `${instance.url} asks for a login and took a random name and password`,
            fix: [
              "# it is no protection: keep Kapacitor where only kapgate reaches it; kapacitor.conf, [http]:",
              `bind-address = "127.0.0.1:${portOf(instance.url)}"`,
              restart(facts, "kapacitor"),
            ],
          }),
        ]
      : []),
    ...judgeVersion(facts, kapacitor),
    ...judgeClock(state, instance.name),
  ];
}

function judgeState(facts: Facts, { instance, state }: KapacitorFacts): Result {
  const { name, url } = instance;
  switch (state.kind) {
    case "up":
      return fine("kapacitor", `${url} answers: Kapacitor ${state.version}`, name);
    case "down":
      return finding("kapacitor_unreachable", {
        instance: name,
        what: `${url}: ${state.cause}`,
        fix: [
          status(facts, "kapacitor"),
          logOf(facts, "kapacitor"),
          `# or [[kapacitor]] url, ssl-ca in ${facts.file ?? "kapgate.toml"}`,
        ],
      });
    case "unauthorized":
      return finding("kapacitor_unauthorized", {
        instance: name,
        what: `${url} answers 401${instance.username === "" ? ", and no username is configured for it" : " to the configured username and password"}`,
        fix: gatewayLines(
          facts,
          `[[kapacitor]] ${name}`,
          `username = "kapgate"`,
          `password = "…"     # a user of Kapacitor; without an [auth] backend any will do`,
        ),
      });
    case "other":
      return finding("kapacitor_other", {
        instance: name,
        what: `${url}: ${state.what}`,
        fix: [
          `ss -ltnp 'sport = :${portOf(url)}'`,
          ...gatewayLines(facts, `[[kapacitor]] ${name}`, `url = "http://127.0.0.1:9092"`),
        ],
      });
  }
}

/** Who else can reach it: the whole protection is that only the gateway does. */
function judgeReach(facts: Facts, { instance, exposedAt, state }: KapacitorFacts): readonly Result[] {
  const { hostname } = new URL(instance.url);
  const port = portOf(instance.url);
  if (exposedAt.length > 0) {
    return [
      finding("kapacitor_exposed", {
        instance: instance.name,
        what: `Kapacitor answers on ${listed(exposedAt)} as well`,
        fix: ["# kapacitor.conf, [http]:", `bind-address = "127.0.0.1:${port}"`, restart(facts, "kapacitor")],
      }),
    ];
  }
  if (isLoopback(hostname))
    return state.kind === "up" ? [fine("kapacitor", "it is on the loopback only", instance.name)] : [];
  return [
    finding("kapacitor_remote", {
      instance: instance.name,
      what: `${instance.url} is on another machine or container`,
      fix: [
        `# from a machine that must not reach it: curl -m 5 ${instance.url}/kapacitor/v1/ping`,
        `# on Kapacitor's machine, a firewall that admits kapgate only: nft add rule inet filter input tcp dport ${port} ip saddr != KAPGATE drop`,
      ],
    }),
  ];
}

function judgeVersion(facts: Facts, { instance, state }: KapacitorFacts): readonly Result[] {
  const path = instance["subscription-path"];
  if (path === "" || !("version" in state) || !isBefore(state.version, [1, 5, 8])) return [];
  return [
    finding("kapacitor_old", {
      instance: instance.name,
      what: `Kapacitor ${state.version}, and subscription-path = ${JSON.stringify(path)}`,
      fix: [
        "# update Kapacitor to 1.5.8 or later; or admit InfluxDB by its address on /write:",
        ...gatewayLines(facts, `[[kapacitor]] ${instance.name}`, `subscription-path = ""`),
      ],
    }),
  ];
}

function judgeClock(state: KapacitorState, instance: string): readonly Result[] {
  if (state.kind !== "up" || state.skewMs === undefined || Math.abs(state.skewMs) <= tolerableSkewMs) return [];
  return [
    finding("kapacitor_clock", {
      instance,
      what: `Kapacitor's clock is ${skewText(state.skewMs)} this machine's`,
      fix: clockCommands,
    }),
  ];
}

export const clockCommands: readonly string[] = [
  "timedatectl                     # on both machines: System clock synchronized: yes",
  "timedatectl set-ntp true",
];

/** `12 s ahead of`, `3 min behind` */
export function skewText(milliseconds: number): string {
  const seconds = Math.round(Math.abs(milliseconds) / 1000);
  const size = seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
  return `${size} ${milliseconds > 0 ? "ahead of" : "behind"}`;
}

/** Whether a release is older than another; a version that cannot be read is not. */
export function isBefore(version: string, [major, minor, patch]: readonly [number, number, number]): boolean {
  const parts = /^v?(\d+)\.(\d+)(?:\.(\d+))?/.exec(version);
  if (parts === null) return false;
  const [a, b, c] = [Number(parts[1]), Number(parts[2]), Number(parts[3] ?? 0)];
  return a !== major ? a < major : b !== minor ? b < minor : c < patch;
}

/** The port of an upstream's URL. */
export function portOf(url: string): number {
  const { protocol, port } = new URL(url);
  return Number(port) || (protocol === "https:" ? 443 : 80);
}
