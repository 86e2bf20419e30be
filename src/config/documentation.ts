/** The reference part of docs/configuration.md, made from the schema. */
import { variableOf } from "./environment.ts";
import { notesOf } from "./fields.ts";
import { type Section, sections } from "./schema.ts";
import { formatHeader, formatValue } from "./text.ts";

/** Markdown: one table per section with type, default, environment variable and meaning of every key. Ends with a newline. */
export function documentationOf(): string {
  return sections.map(documentSection).join("\n");
}

function documentSection(section: Section): string {
  const rows = Object.entries(section.keys).map(([key, schema]) => {
    const { label, doc, initial, required } = notesOf(schema);
    const value = initial === undefined ? (required ? "required" : "") : code(formatValue(initial));
    return row([code(key), cell(label), value, code(variableOf(section, key, "0")), cell(doc)]);
  });
  const head = [row(["key", "type", "default", "environment", "meaning"]), row(["---", "---", "---", "---", "---"])];
  return `### \`${formatHeader(section)}\`\n\n${section.doc}\n\n${[...head, ...rows].join("\n")}\n`;
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function code(text: string): string {
  return `\`${cell(text)}\``;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
