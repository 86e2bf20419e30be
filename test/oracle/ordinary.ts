import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type HandlerKindName, handlerKinds } from "../../src/core/alert-handlers.ts";
import { inspectScript } from "../../src/core/script-policy.ts";
import { type Answer, startTestGateway, type TestGateway } from "../support/gateway.ts";

/** A script as somebody would write it who has nothing in mind. */
export interface Ordinary {
  readonly name: string;
  readonly script: string;
  /** As values of `vars` of a task. */
  readonly vars: object | undefined;
  /** `POST` of this path and body defines it: a template where vars have no values. */
  readonly path: "/kapacitor/v1/tasks" | "/kapacitor/v1/templates";
  readonly body: string;
  /** The release from which on Kapacitor knows everything in it. */
  readonly since: string;
  readonly handlers: ReadonlySet<HandlerKindName>;
}

function read(folder: string, file: string): Ordinary {
  const script = readFileSync(join(folder, file), "utf8");
  const name = file.replace(/\.tick$/, "");
  const beside = join(folder, `${name}.vars.json`);
  const vars: object | undefined = existsSync(beside) ? JSON.parse(readFileSync(beside, "utf8")) : undefined;
  const report = inspectScript(script, { disabled: new Set(), udfs: new Set() });
  if (!report.ok) throw new Error(`${name}: ${report.problem.message}`);
  const isTemplate = vars === undefined && report.vars.some(({ type }) => type !== undefined);
  const type = /\bbatch\s*\|/.test(script) ? "batch" : "stream";
  const dbrps = report.dbrps.length > 0 ? {} : { dbrps: [{ db: "telegraf", rp: "autogen" }] };
  return {
    name,
    script,
    vars,
    path: isTemplate ? "/kapacitor/v1/templates" : "/kapacitor/v1/tasks",
    body: JSON.stringify({ id: name, type, script, ...(isTemplate ? {} : { ...dbrps, vars }) }),
    since: /^\/\/ needs ([\d.]+)/.exec(script)?.[1] ?? "1.5.0",
    handlers: report.handlers,
  };
}

const policy = join(import.meta.dirname, "..", "policy");

/** All of test/policy/corpus and test/policy/ordinary. */
export const ordinary: readonly Ordinary[] = ["corpus", "ordinary"].flatMap((name) => {
  const folder = join(policy, name);
  return readdirSync(folder)
    .filter((file) => file.endsWith(".tick"))
    .map((file) => read(folder, file));
});

const handlersKey = ({ handlers }: Ordinary): string => [...handlers].sort().join(" ");
const keys = [...new Set(ordinary.map(handlersKey))];
const instanceOf = (entry: Ordinary): string => `p${keys.indexOf(handlersKey(entry))}`;

/** A gateway in front of one Kapacitor on which everything is disabled that a script does not use. */
export async function startStrictGateway(upstream: string): Promise<{
  readonly gateway: TestGateway;
  send(entry: Ordinary, method: string, path: string, body?: string): Promise<Answer>;
}> {
  const instances = [...new Map(ordinary.map((entry) => [instanceOf(entry), entry.handlers]))].map(([name, used]) => {
    const others = handlerKinds.map(({ kind }) => kind).filter((kind) => !used.has(kind));
    return `[[kapacitor]]\nname = "${name}"\nurl = "${upstream}"\nhosts = ["${name}.policy.test"]\ndisable-handlers = ${JSON.stringify(others)}\n`;
  });
  const gateway = await startTestGateway(instances.join("\n"), {
    http: "auth-enabled = false",
    resolve: async () => ["198.51.100.7"],
  });
  return {
    gateway,
    send: (entry, method, path, body) =>
      gateway.request(method, path, {
        headers: { host: `${instanceOf(entry)}.policy.test` },
        ...(body === undefined ? {} : { body }),
      }),
  };
}
