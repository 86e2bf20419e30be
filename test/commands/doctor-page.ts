/** docs/doctor.md: its tables are made from the catalogue of findings. `node test/commands/doctor-page.ts` writes them anew. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { areas, describe, findingIds } from "../../src/doctor/finding.ts";

const file = join(import.meta.dirname, "..", "..", "docs", "doctor.md");
const mark = "<!-- What follows is made from src/doctor/finding.ts by `node test/commands/doctor-page.ts`. -->\n";

/** The page as it is committed and as it has to be; what a person wrote above the mark stays. */
export function doctorPage(): { readonly committed: string; readonly expected: string } {
  const committed = readFileSync(file, "utf8");
  const [introduction = ""] = committed.split(mark);
  return { committed, expected: `${introduction}${mark}\n${areas.map(table).join("\n")}` };
}

function table(area: string): string {
  const rows = findingIds
    .map((id) => ({ id, ...describe(id) }))
    .filter((entry) => entry.area === area)
    .map(({ id, severity, why }) => `| \`${id}\` | ${severity} | ${why} |\n`);
  return `### ${area}\n\n| finding | usually | what follows from it |\n| --- | --- | --- |\n${rows.join("")}`;
}

if (import.meta.main) writeFileSync(file, doctorPage().expected);
