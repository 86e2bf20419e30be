/** File names in the configuration: made absolute; password files are read into the secret that they stand for. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type FileReader, withoutNewline } from "./environment.ts";
import { notesOf } from "./fields.ts";
import { type Section, sections } from "./schema.ts";
import { type Finding, type Path, setAt, type Table, valueAt } from "./tree.ts";

/** The keys of which one is a secret and the other the file that holds it. */
export const secretPairs: readonly (readonly [section: string, secret: string, file: string])[] = [
  ["http", "password", "password-file"],
  ["user", "password-hash", "password-file"],
  ["influxdb", "password", "password-file"],
];

/** A file that holds more than this is no configuration and no secret. */
const largestFile = 1_000_000;

/** Reads a text file. Its failure is a code for the operator: the system's, or `too large`, or `not UTF-8`. */
export const readTextFile: FileReader = (path) => {
  try {
    const bytes = readFileSync(path);
    if (bytes.length > largestFile) return { ok: false, code: "too large" };
    return { ok: true, text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
    return { ok: false, code: code === "ERR_ENCODING_INVALID_ENCODED_DATA" ? "not UTF-8" : code };
  }
};

/** Makes every file name of the tree absolute, the defaults included; the private key is in the certificate file unless it has its own. */
export function resolvePaths(tree: Table, base: string): void {
  for (const [path, words, initial] of pathKeys(tree)) {
    const value = valueAt(tree, path) ?? initial;
    if (typeof value !== "string" || value === "") continue;
    const word = words.find((candidate) => candidate === value.toUpperCase());
    setAt(tree, path, word ?? resolve(base, value));
  }
  const certificate = valueAt(tree, ["http", "https-certificate"]);
  const key: Path = ["http", "https-private-key"];
  if ((valueAt(tree, key) ?? "") === "" && typeof certificate === "string") setAt(tree, key, certificate);
}

/** Reads the password files into the secrets that they stand for; a secret that is also written out is a finding. */
export function readPasswordFiles(tree: Table): readonly Finding[] {
  const findings: Finding[] = [];
  for (const [section, secret, file] of secretPairs) {
    for (const holder of holdersOf(tree, section)) {
      const path = valueAt(tree, [...holder, file]);
      if (typeof path !== "string" || path === "") continue;
      const target = [...holder, secret];
      if ((valueAt(tree, target) ?? "") !== "") {
        findings.push({
          severity: "error",
          path: [...holder, file],
          text: `is set together with ${secret}; keep one of them`,
        });
        continue;
      }
      const result = readTextFile(path);
      const text = result.ok ? withoutNewline(result.text) : undefined;
      if (text) setAt(tree, target, text);
      else {
        const problem = result.ok ? "the file is empty" : `cannot be read: ${result.code}`;
        findings.push({ severity: "error", path: [...holder, file], text: problem });
      }
    }
  }
  return findings;
}

/** The files that the tree names for reading, which is all but the logs; after {@link resolvePaths}. */
export function filesToRead(tree: Table): readonly string[] {
  return [...pathKeys(tree)].flatMap(([path]) => {
    const value = valueAt(tree, path);
    return path[0] !== "logging" && typeof value === "string" && value !== "" ? [value] : [];
  });
}

function* pathKeys(tree: Table): Generator<readonly [path: Path, words: readonly string[], initial: unknown]> {
  for (const section of sections) {
    for (const [key, schema] of Object.entries(section.keys)) {
      const { kind, words = [], initial } = notesOf(schema);
      if (kind !== "path") continue;
      for (const holder of holdersOf(tree, section.name)) yield [[...holder, key], words, initial];
    }
  }
}

/** The places of a section: one, or one per entry. */
function holdersOf(tree: Table, name: Section["name"] | string): readonly Path[] {
  const repeated = sections.find((section) => section.name === name)?.repeated === true;
  if (!repeated) return [[name]];
  const entries = tree[name];
  return Array.isArray(entries) ? entries.map((_, index) => [name, index]) : [];
}
