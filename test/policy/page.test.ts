import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { handlerKinds } from "../../src/core/alert-handlers.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/policy.md"), "utf8");

t.test("docs/policy.md names every kind in all of its spellings, and no other", async (t) => {
  const rows = page.split("\n").filter((line) => /^\| `[a-z0-9]+` \| [^|]*(?:\\\|[^|]*)?\| [^|]*\| \d/.test(line));
  const code = (text: string): string => `\`${text}\``;
  const expected = handlerKinds.map(({ kind, method, node, section, since }) => {
    const inScripts = [
      method === undefined ? "-" : code(`.${method}()`),
      ...(node === undefined ? [] : [code(`\\|${node}()`)]),
    ];
    return `| ${code(kind)} | ${inScripts.join(", ")} | ${section === undefined ? "-" : code(section)} | ${since} |`;
  });
  t.strictSame(rows, expected);
});

t.test("docs/policy.md says what cannot be covered", async (t) => {
  for (const words of ["load directory", "UDP", "Redirects", "Several kapgates", "kapacitor.conf", "iptables"]) {
    t.match(page, words);
  }
});
