/** docs/routes.md: its table is made from the core. `node test/routes-page.ts` writes it anew. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { classInfo, listRoutes } from "../src/core/routes.ts";

const file = join(import.meta.dirname, "..", "docs", "routes.md");
const mark = "<!-- What follows is made from src/core/routes.ts by `node test/routes-page.ts`. -->\n";

/** The page as it is committed and as it has to be; what a person wrote above the mark stays. */
export function routesPage(): { readonly committed: string; readonly expected: string } {
  const committed = readFileSync(file, "utf8");
  const [introduction = ""] = committed.split(mark);
  return { committed, expected: `${introduction}${mark}\n${table()}` };
}

function table(): string {
  const rows = listRoutes().map(({ method, pattern, class: name }) => {
    const { access, guard, definition, stream } = classInfo(name);
    const path = pattern.endsWith("/") ? `${pattern}…` : pattern;
    const notes = [definition && "definition", stream && "stream"].filter((note) => note !== undefined).join(", ");
    return `| ${method} | \`${path}\` | ${name} | ${access} | ${guard === undefined ? "" : `\`${guard}\``} | ${notes} |\n`;
  });
  return `| method | path | class | access | guard | |\n| --- | --- | --- | --- | --- | --- |\n${rows.join("")}`;
}

if (import.meta.main) writeFileSync(file, routesPage().expected);
