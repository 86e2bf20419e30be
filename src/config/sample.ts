/** The commented sample of `kapgate config`, made from the schema. */
import { notesOf } from "./fields.ts";
import { type Section, sections } from "./schema.ts";
import { formatHeader, formatValue, wrap } from "./text.ts";

const preamble = `# The configuration of kapgate. Every key is here with its default; a key that is left out keeps it.
# Durations are written like "1m30s", sizes as bytes or like "25MB" (10^6). Relative paths start at the folder of this file.
# Environment variables go before this file: KAPGATE_ + section + key, for example KAPGATE_HTTP_BIND_ADDRESS.
# "kapgate check" finds mistakes, "kapgate init" makes a certificate and a first user. More in docs/configuration.md.
`;

/** A complete file that holds every key with its default; keys and sections without defaults are comments. Ends with a newline. */
export function sampleConfig(): string {
  return [preamble, ...sections.map(sampleSection)].join("\n");
}

function sampleSection(section: Section): string {
  const keys = Object.entries(section.keys).map(([key, schema]) => ({ key, ...notesOf(schema) }));
  // An entry without the keys that it must have is a mistake, so all of it is a comment.
  const mark = keys.some(({ required }) => required) ? "# " : "";
  const lines = keys.flatMap(({ key, doc, initial, example, kind, label }) => [
    "",
    ...wrap(kind === "choice" ? `${doc} (${label})` : doc, 110).map((line) => `  # ${line}`),
    `  ${initial === undefined ? "# " : mark}${key} = ${formatValue(initial ?? example ?? "")}`,
  ]);
  return [...wrap(section.doc, 112).map((line) => `# ${line}`), `${mark}${formatHeader(section)}`, ...lines, ""].join(
    "\n",
  );
}
