/** Files that define something, as the request that would define it. */
import { readFile } from "node:fs/promises";
import { extname, resolve } from "node:path";
import { parse } from "yaml";
import { foldName } from "../core/json-readers.ts";
import { inspectScript } from "../core/script-policy.ts";

/** What a file would be sent as. */
export interface FileRequest {
  readonly what: "task" | "template" | "topic handler";
  readonly method: "POST";
  readonly url: string;
  readonly body: Buffer;
  /** The script that the file is. */
  readonly script: string | undefined;
}

export type FileReading = ({ readonly ok: true } & FileRequest) | { readonly ok: false; readonly text: string };

const base = "/kapacitor/v1";

/** Reads a file as the `kapacitor` command does, by its extension. Never rejects; the text says why there is nothing to judge. */
export async function readDefinition(file: string, workingDirectory: string): Promise<FileReading> {
  const bytes = await readBytes(file, workingDirectory);
  if (typeof bytes === "string") return no(bytes);
  switch (extname(file).toLowerCase()) {
    case ".tick":
      return readScript(bytes);
    case ".json":
      // The bytes themselves are judged: what is doubtful in them must not be lost by reading them first.
      return asDefinition(bytes, parsed(bytes.toString("utf8")));
    case ".yaml":
    case ".yml":
      return readYaml(bytes);
    default:
      return no("is no .tick, .json, .yaml or .yml; for any other request use -method, -path and -body");
  }
}

/** The content of a file, or why there is none. */
export async function readBytes(file: string, workingDirectory: string): Promise<Buffer | string> {
  try {
    return await readFile(resolve(workingDirectory, file));
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
    return code === "ENOENT" ? "does not exist" : `cannot be read (${code})`;
  }
}

/** A script that declares a var without a value is a template: as a task Kapacitor would not take it. */
function readScript(bytes: Buffer): FileReading {
  const script = decode(bytes);
  if (script === undefined) return no("is not UTF-8");
  const report = inspectScript(script, { disabled: new Set(), udfs: new Set() });
  const what = report.ok && report.vars.some(({ type }) => type !== undefined) ? "template" : "task";
  return { ok: true, what, method: "POST", url: `${base}/${what}s`, body: json({ script }), script };
}

function readYaml(bytes: Buffer): FileReading {
  const text = decode(bytes);
  if (text === undefined) return no("is not UTF-8");
  try {
    const value: unknown = parse(text, { merge: true, logLevel: "error" });
    return asDefinition(json(value ?? null), value);
  } catch (error) {
    return no(`is not YAML: ${error instanceof Error ? (error.message.split("\n", 1)[0] ?? "") : String(error)}`);
  }
}

/** A topic handler, or a task of a template (`kapacitor define -file`); what is neither is judged as a handler, which is what most of these are. */
function asDefinition(body: Buffer, value: unknown): FileReading {
  const names = typeof value === "object" && value !== null ? Object.keys(value).map(foldName) : [];
  const has = (name: string): boolean => names.includes(name);
  if (!has("kind") && (has("template-id") || has("script"))) {
    return { ok: true, what: "task", method: "POST", url: `${base}/tasks`, body, script: undefined };
  }
  if (value !== undefined && !has("kind")) {
    return no("is neither a topic handler (kind) nor a task (template-id or script)");
  }
  return {
    ok: true,
    what: "topic handler",
    method: "POST",
    url: `${base}/alerts/topics/topic/handlers`,
    body,
    script: undefined,
  };
}

/** undefined for what is no JSON: the judge says what is wrong with it, and where. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function decode(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function no(text: string): FileReading {
  return { ok: false, text };
}
