/** One thing that is wrong (or doubtful) in what the operator configured. A leaf: anyone may import it. */
export interface Problem {
  /** `error` stops the start (exit 1); `warning` is logged, and counts under `check -strict`. */
  readonly severity: "error" | "warning";
  /** The file it stands in, or the environment variable or flag it came from, e.g. `KAPGATE_HTTP_REALM`, `-upstream`. */
  readonly source?: string;
  /** 1-based line in that file. */
  readonly line?: number;
  /** The key as the operator wrote it: `http.bind-address`, `user[0].password-hash`. */
  readonly key?: string;
  /** What is wrong and what to do about it. Never holds a secret. */
  readonly text: string;
}

/** `kapgate.toml:12: http.realm: …`, the one spelling of a problem for terminals and logs. */
export function formatProblem(problem: Problem): string {
  const place =
    problem.source === undefined ? "" : `${problem.source}${problem.line === undefined ? "" : `:${problem.line}`}: `;
  const key = problem.key === undefined ? "" : `${problem.key}: `;
  return `${place}${problem.severity === "warning" ? "warning: " : ""}${key}${problem.text}`;
}
