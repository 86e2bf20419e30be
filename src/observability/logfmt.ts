/** Turns one JSON log line into Kapacitor's own log format: `ts=… lvl=info msg="…" key=value`. A line that is no JSON object passes unchanged. */
export function formatLogfmt(line: string): string {
  let record: unknown;
  try {
    record = JSON.parse(line);
  } catch {
    return line;
  }
  if (typeof record !== "object" || record === null) return line;
  const fields: string[] = [];
  for (const [key, value] of Object.entries(record)) {
    const name = key === "time" ? "ts" : key === "level" ? "lvl" : key;
    fields.push(`${name}=${formatValue(value)}`);
  }
  return `${fields.join(" ")}\n`;
}

function formatValue(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  // In quotes as well what cannot be seen: JSON escapes some of it, and the sink the rest.
  return text === "" || /[\s"=\\\p{C}]/u.test(text) ? JSON.stringify(text) : text;
}
