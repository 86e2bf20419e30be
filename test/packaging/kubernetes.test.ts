import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { parseAllDocuments } from "yaml";
import { loadConfig } from "../../src/config/load.ts";
import type { Config } from "../../src/config/schema.ts";

const root = join(import.meta.dirname, "..", "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

interface Container {
  readonly name: string;
  readonly image: string;
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly securityContext: { readonly runAsUser: number; readonly runAsGroup: number };
  readonly resources: { readonly limits: { readonly memory?: string } };
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

interface Pod {
  readonly automountServiceAccountToken: boolean;
  readonly enableServiceLinks: boolean;
  readonly terminationGracePeriodSeconds: number;
  readonly securityContext: { readonly runAsNonRoot: boolean; readonly seccompProfile: { readonly type: string } };
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string; readonly secret?: { readonly defaultMode: number } }[];
}

/** What is read of each kind of object. */
interface Kinds {
  readonly ConfigMap: { readonly data: Readonly<Record<string, string>> };
  readonly Deployment: { readonly spec: { readonly template: { readonly spec: Pod } } };
  readonly Service: { readonly spec: { readonly ports: readonly { readonly targetPort: string }[] } };
  readonly NetworkPolicy: {
    readonly spec: {
      readonly policyTypes: readonly string[];
      readonly ingress: readonly { readonly ports: readonly { readonly port: number }[] }[];
    };
  };
}

interface Named {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

const documents: readonly Named[] = parseAllDocuments(read("deploy/kubernetes/kapgate.yaml"), {
  strict: true,
  uniqueKeys: true,
}).map((document) => {
  if (document.errors[0] !== undefined) throw document.errors[0];
  return document.toJS();
});

function objectOf<Kind extends keyof Kinds>(kind: Kind, name: string): Kinds[Kind] {
  const found = documents.find((document) => document.kind === kind && document.metadata.name === name);
  if (found === undefined) throw new Error(`there is no ${kind} ${name}`);
  return found as Named & Kinds[Kind];
}

const pod = objectOf("Deployment", "kapacitor").spec.template.spec;

function containerOf(name: string): Container {
  const container = pod.containers.find((entry) => entry.name === name);
  if (container === undefined) throw new Error(`there is no container ${name}`);
  return container;
}

t.test("in Kubernetes every container runs without privileges, and secrets are files", async (t) => {
  t.equal(pod.automountServiceAccountToken, false);
  t.equal(pod.enableServiceLinks, false, "a service named kapacitor puts KAPACITOR_PORT into the environment");
  t.equal(pod.securityContext.runAsNonRoot, true);
  t.match(pod.securityContext.seccompProfile, { type: "RuntimeDefault" });
  const users = pod.containers.map(({ securityContext }) => securityContext.runAsUser);
  t.equal(new Set(users).size, users.length, "each its own user");
  for (const { name, securityContext, volumeMounts, resources } of pod.containers) {
    t.match(
      securityContext,
      { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
      name,
    );
    t.ok(securityContext.runAsUser > 0, name);
    t.ok(resources.limits.memory, `${name}: bounded memory`);
    for (const mount of volumeMounts)
      t.ok(
        pod.volumes.some((volume) => volume.name === mount.name),
        `${name}: ${mount.name}`,
      );
  }
  for (const volume of pod.volumes) {
    if (volume.secret === undefined) continue;
    t.equal(volume.secret.defaultMode & 0o007, 0, `${volume.name}: not for others`);
    const mounts = pod.containers.filter(({ volumeMounts }) =>
      volumeMounts.some((mount) => mount.name === volume.name),
    );
    t.strictSame(
      mounts.map(({ name }) => name),
      ["kapgate"],
      `${volume.name}: for kapgate only`,
    );
  }
  const kapgate = containerOf("kapgate");
  for (const { name, value } of kapgate.env)
    t.ok(name.endsWith("_FILE") && value.startsWith("/etc/kapgate-passwords/"), name);
  const version: { version: string } = JSON.parse(read("package.json"));
  t.equal(kapgate.image, `kapgate:${version.version}`);
});

t.test("in Kubernetes probes, ports, service and policies fit the configuration, which loads", async (t) => {
  const folder = t.testdir({
    certificate: { "kapgate.pem": "" },
    passwords: { admin: "", telegraf: "", influxdb: "secret", kapacitor: "secret" },
  });
  const hash = "$2b$10$abcdefghijklmnopqrstuuQ8r7O1tqFh0nOQ1v8wJ0sZ0gCq4cJ0K";
  for (const user of ["admin", "telegraf"]) writeFileSync(join(folder, "passwords", user), hash);
  const toml = objectOf("ConfigMap", "kapgate").data["kapgate.toml"] ?? "";
  const file = join(folder, "kapgate.toml");
  writeFileSync(file, toml.replaceAll("/etc/kapgate-", `${folder}/`), { mode: 0o600 });
  const kapgate = containerOf("kapgate");
  const environment = Object.fromEntries(
    kapgate.env.map(({ name, value }) => [name, value.replace("/etc/kapgate-", `${folder}/`)]),
  );
  const { config, problems } = loadConfig({ flags: { config: file }, environment, workingDirectory: folder });
  t.strictSame(
    problems.filter(({ severity }) => severity === "error"),
    [],
  );
  if (config === undefined) return;
  const ports = new Map(kapgate.ports.map(({ name, containerPort }) => [name, containerPort]));
  t.equal(portOf(config.http["bind-address"]), ports.get("https"));
  t.equal(portOf(config.admin["bind-address"]), ports.get("metrics"));
  for (const probe of ["startupProbe", "livenessProbe", "readinessProbe"] as const) {
    t.equal(kapgate[probe].httpGet.port, "metrics", probe);
    t.match(kapgate[probe].httpGet.path, /^\/-\/(?:healthy|ready)$/, probe);
  }
  t.ok(pod.terminationGracePeriodSeconds * 1000 > config.http["shutdown-delay"] + config.http["shutdown-timeout"]);
  t.equal(objectOf("Service", "kapacitor").spec.ports[0]?.targetPort, "https");
  checkKapacitor(t, config);
  const policy = objectOf("NetworkPolicy", "kapacitor").spec;
  t.strictSame(policy.policyTypes, ["Ingress", "Egress"]);
  t.strictSame(
    policy.ingress.flatMap(({ ports }) => ports.map(({ port }) => port)),
    [9443, 9444],
    "Kapacitor's own port is closed",
  );
});

function checkKapacitor(t: Pick<Test, "equal" | "match">, config: Config): void {
  const conf = objectOf("ConfigMap", "kapacitor").data["kapacitor.conf"] ?? "";
  const setting = (key: string) => new RegExp(`^\\s*${key} = "?([^"\\n#]+?)"?\\s*(?:#.*)?$`, "m").exec(conf)?.[1];
  const [instance] = config.kapacitor;
  t.equal(setting("subscription-path"), instance?.["subscription-path"]);
  t.equal(setting("subscription-protocol"), "https");
  t.equal(Number(setting("http-port")), portOf(config.http["bind-address"]));
  t.equal(`http://${setting("bind-address")}`, instance?.url, "it listens on the loopback of the pod");
  t.equal(setting("auth-enabled"), "true", "so that subscriptions carry tokens");
  t.equal(setting("kapacitor-hostname"), "kapacitor.monitoring.svc");
  t.match(read("deploy/kubernetes/kapgate.yaml"), /kapgate cert -hosts \S*kapacitor\.monitoring\.svc(?:,|\n)/);
}

function portOf(address: Config["admin"]["bind-address"]): number | undefined {
  return address !== undefined && "port" in address ? address.port : undefined;
}
