/** The configuration in force, as `kapgate config -effective` prints it. */
import { notesOf, toToml } from "./fields.ts";
import { type Config, type Section, sections } from "./schema.ts";
import { formatHeader, formatValue } from "./text.ts";
import { isTable, type Table } from "./tree.ts";

/**
 * Writes a resolved configuration as TOML, in the order of the sample: every key, defaults included, durations in Go's form,
 * secrets as `[REDACTED]`. A secret that was read from a file is shown as that file. Without secrets the text loads to the same configuration.
 */
export function effectiveConfig(config: Config): string {
  return sections
    .flatMap((section) => entriesOf(config, section).map((entry) => writeEntry(section, entry)))
    .join("\n");
}

function entriesOf(config: Config, { name }: Section): readonly Table[] {
  const value: unknown = config[name];
  return (Array.isArray(value) ? value : [value]).filter(isTable);
}

function writeEntry(section: Section, entry: Table): string {
  const lines = Object.entries(section.keys).flatMap(([key, schema]) => {
    const { kind } = notesOf(schema);
    if (entry[key] === undefined && !Object.hasOwn(entry, key)) return [];
    const fromFile = kind === "secret" && (entry["password-file"] ?? "") !== "";
    return [`  ${key} = ${formatValue(toToml(fromFile ? undefined : entry[key], kind))}`];
  });
  return `${[formatHeader(section), ...lines].join("\n")}\n`;
}
