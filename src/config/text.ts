/** Writing TOML: values, comments, and the forms that the sample and the effective configuration share. */
import type { TomlValue } from "./fields.ts";

/** A value as TOML writes it. JSON's strings are TOML's, but for DEL. */
export function formatValue(value: TomlValue): string {
  if (typeof value === "string") return JSON.stringify(value).replaceAll("\u007f", "\\u007f");
  if (typeof value === "object") return `[${value.map(formatValue).join(", ")}]`;
  return String(value);
}

/** Text broken at blanks into lines no longer than the width, unless a word is. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return line === "" ? lines : [...lines, line];
}

/** `[http]`, or `[[user]]` for a section that is written once per entry. */
export function formatHeader(section: { readonly name: string; readonly repeated: boolean }): string {
  return section.repeated ? `[[${section.name}]]` : `[${section.name}]`;
}
