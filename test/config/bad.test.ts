import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { loadConfig } from "../../src/config/load.ts";
import { formatProblem } from "../../src/problem.ts";

/**
 * One file per mistake. Its first lines are comments: `# expect: text` has to be in the first problem, `# line: N` is the line it names,
 * `# serving` asks for what only a server needs. There is one mistake in each, so there is one error.
 */
const folder = join(import.meta.dirname, "bad");
const secrets = ["geheim", "abcdefghijklmnopqrstuuV", "bcdefgghijklmnopqrstuuV"];

t.test("every mistake is found, once, at its line, without a secret", async (t) => {
  const workingDirectory = t.testdir({ certs: { "kapgate.pem": "" }, secret: "geheim" });
  const file = join(workingDirectory, "kapgate.toml");
  const names = readdirSync(folder).filter((name) => name.endsWith(".toml"));
  t.ok(names.length >= 45, `${names.length} files`);
  for (const name of names) {
    const text = readFileSync(join(folder, name), "utf8");
    const expected = /^# expect: (.+)$/m.exec(text)?.[1];
    const line = /^# line: ([0-9]+)$/m.exec(text)?.[1];
    writeFileSync(file, text);
    const { config, problems } = loadConfig({
      flags: { config: file },
      environment: {},
      workingDirectory,
      serving: /^# serving$/m.test(text),
    });
    const errors = problems.filter(({ severity, text }) => severity === "error" && !text.endsWith("in this version"));
    const [first] = errors;
    const said = first === undefined ? "no error" : formatProblem(first);
    t.equal(config, undefined, `${name}: no configuration`);
    t.equal(errors.length, 1, `${name}: one error`, { errors });
    t.ok(expected !== undefined && said.includes(expected), `${name}: ${expected}`, { said });
    if (line !== undefined) t.equal(first?.line, Number(line), `${name}: line`);
    t.notOk(
      secrets.some((secret) => JSON.stringify(problems).includes(secret)),
      `${name}: no secret`,
    );
  }
});
