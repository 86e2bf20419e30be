/** The committed files that are made from the schema. `node test/config/generated.ts` writes them anew. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { documentationOf } from "../../src/config/documentation.ts";
import { sampleConfig } from "../../src/config/sample.ts";

const root = join(import.meta.dirname, "..", "..");
const mark = "<!-- What follows is made from the schema by `node test/config/generated.ts`. -->\n";

export interface GeneratedFile {
  readonly path: string;
  readonly committed: string;
  readonly expected: string;
}

/** Each file as it is committed and as it has to be; what a person wrote above the mark stays. */
export function generatedFiles(): readonly GeneratedFile[] {
  const sample = join(root, "config", "example.toml");
  const page = join(root, "docs", "configuration.md");
  const written = readFileSync(page, "utf8");
  const [introduction = ""] = written.split(mark);
  return [
    { path: sample, committed: readFileSync(sample, "utf8"), expected: sampleConfig() },
    { path: page, committed: written, expected: `${introduction}${mark}\n${documentationOf()}` },
  ];
}

if (import.meta.main) for (const { path, expected } of generatedFiles()) writeFileSync(path, expected);
