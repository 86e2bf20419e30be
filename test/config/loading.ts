/** Loading a configuration from a text, for tests. */
import type { Test } from "tap";
import { type LoadInput, loadConfig } from "../../src/config/load.ts";
import { formatProblem } from "../../src/problem.ts";

/** The form of a bcrypt hash. */
export const hash = `$2b$10$${"a".repeat(53)}`;
/** A user who may log in. */
export const user = `[[user]]\n  name = "admin"\n  role = "admin"\n  password-hash = "${hash}"\n`;

/** Loads a text from a folder with a certificate. */
export function load(t: Test, text: string, input: Partial<LoadInput> = {}) {
  const workingDirectory = t.testdir({ "kapgate.toml": text, certs: { "kapgate.pem": "" } });
  return loadConfig({ environment: {}, workingDirectory, searchPath: ["kapgate.toml"], ...input });
}

/** The problems of one severity, without the name of the file, those about features to come left out. */
export function said(
  t: Test,
  text: string,
  severity: "error" | "warning",
  input: Partial<LoadInput> = {},
): readonly string[] {
  return load(t, text, input)
    .problems.filter((problem) => problem.severity === severity && !problem.text.endsWith("in this version"))
    .map((problem) =>
      formatProblem(problem)
        .replace(/^\S*kapgate\.toml:?/, "")
        .trim(),
    );
}
