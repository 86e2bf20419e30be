import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import t from "tap";

const root = join(import.meta.dirname, "..");
const mostLines = 400;

/** From the edge of the process down to what knows nothing of it: a file imports its own folder and lower layers, nothing else. */
const layers: readonly (readonly string[])[] = [
  ["main.ts"],
  ["commands"],
  ["doctor"],
  ["server", "demo"],
  ["audit"],
  ["credentials", "upstream", "observability", "config", "certificates", "influxdb"],
  ["core"],
  ["tickscript"],
];
/** Leaves: they import nothing of the project. */
const leaves = ["errors.ts", "problem.ts", "standin"];

interface File {
  /** Path below the folder that was read. */
  readonly path: string;
  /** Its folder, or its own name at the top. */
  readonly part: string;
  readonly text: string;
  /** Module names as they are written. */
  readonly imports: readonly string[];
}

function filesOf(folder: string): readonly File[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => /\.[jt]s$/.test(path) && !path.includes("node_modules"))
    .map((path) => {
      const text = readFileSync(join(root, folder, path), "utf8");
      const written = [
        ...text.matchAll(/^(?:import|export)\b(?:[^;"]*\bfrom)? "([^"\n]+)";$/gm),
        ...text.matchAll(/\bimport\("([^"\n]+)"\)/g),
      ];
      return { path, part: path.split("/")[0] ?? path, text, imports: written.map(([, name = ""]) => name) };
    });
}

const source = filesOf("src");

/** The part of the project that a relative import leads to. */
function partOf(file: File, name: string): string {
  const path = relative(".", join(dirname(file.path), name));
  return path.split("/")[0] ?? path;
}

/** The code without comments and the contents of strings. */
function codeOf(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/gm, '""');
}

t.test("imports go down the layers only", async (t) => {
  const rank = new Map(layers.flatMap((parts, index) => parts.map((part) => [part, index] as const)));
  let seen = 0;
  for (const file of source.filter(({ path }) => path !== "kapgate.js")) {
    const own = rank.get(file.part);
    t.ok(own !== undefined || leaves.includes(file.part), `${file.path} is in a folder of a known layer`);
    for (const name of file.imports.filter((name) => name.startsWith("."))) {
      seen += 1;
      const to = partOf(file, name);
      if (to === file.part) continue;
      const what = `${file.path} imports ${name}`;
      if (leaves.includes(file.part)) t.fail(`${what}, and is a leaf`);
      else if (to === "standin") t.equal(file.path, "commands/demo.ts", `${what}: tests and the demonstration may`);
      else if (to === "errors.ts") t.not(file.part, "tickscript", `${what}: scripts know no HTTP`);
      else if (to !== "problem.ts") t.ok((rank.get(to) ?? -1) > (own ?? -1), `${what}, which is below it`);
    }
  }
  t.ok(seen > 200, "the imports were found");
});

t.test("core and tickscript are pure: no runtime, no clock, no chance, no packages but addresses", async (t) => {
  const impure =
    /(?<![.\w])(?:process|Buffer|performance|fetch|console|setTimeout|setInterval|setImmediate|queueMicrotask|crypto|globalThis)\b|\bDate\b|\bMath\.random\b/;
  for (const file of source.filter(({ part }) => part === "core" || part === "tickscript")) {
    const packages = file.imports.filter((name) => !name.startsWith("."));
    t.strictSame(
      packages.filter((name) => !(file.part === "core" && name === "ipaddr.js")),
      [],
      `${file.path} imports no package`,
    );
    t.equal(impure.exec(codeOf(file.text))?.[0], undefined, `${file.path} uses nothing of the runtime`);
  }
});

t.test("only the edge of the process ends it and reads its arguments", async (t) => {
  for (const file of source) {
    if (file.path === "main.ts") continue;
    t.notMatch(codeOf(file.text), /\bprocess\.(?:exit|argv|abort)\b(?!Code)/, file.path);
  }
  t.match(source.find(({ path }) => path === "main.ts")?.text, "process.exit(await runCommand(io))");
});

t.test("packages are used where they belong", async (t) => {
  const homes: Readonly<Record<string, readonly string[]>> = {
    fastify: ["server"],
    "@fastify/basic-auth": ["server"],
    "http-proxy-3": ["upstream"],
    "smol-toml": ["config"],
    zod: ["config"],
    yaml: ["commands"],
    "@node-rs/bcrypt": ["credentials"],
    "@peculiar/x509": ["certificates"],
    "@prometheus-io/client": ["observability"],
  };
  for (const file of source) {
    for (const name of file.imports) {
      if (homes[name] !== undefined) t.ok(homes[name].includes(file.part), `${file.path} imports ${name}`);
    }
  }
});

t.test("no file is so long that it must hold two things", async (t) => {
  for (const folder of ["src", "test"]) {
    for (const { path, text } of filesOf(folder)) {
      const lines = text.split("\n").length - 1;
      t.ok(lines <= mostLines, `${folder}/${path} has ${lines} lines, at most ${mostLines}`);
    }
  }
});
