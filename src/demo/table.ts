import type { DemoAnswer, DemoRequest } from "./requests.ts";

/** The reason of a refusal, from either form of its body. */
export function reasonOf(answer: DemoAnswer): string | undefined {
  const line = /^kapgate ([a-z_]+) [0-9a-f-]+: /.exec(answer.body);
  if (line !== null) return line[1];
  return readRefusal(answer.body)?.code;
}

/** Whether the answer is the one that the request is to show. */
export function isExpected(request: DemoRequest, answer: DemoAnswer): boolean {
  return answer.status === request.expect.status && reasonOf(answer) === request.expect.reason;
}

/** `what · request · answer · why`, one line. */
export function row(request: DemoRequest, answer: DemoAnswer | Error): string {
  const asked = `${request.method} ${shorten(request.path.split("?", 1)[0] ?? "", 42)}`;
  const mark = answer instanceof Error || !isExpected(request, answer) ? "✗" : "✓";
  const status = answer instanceof Error ? "none" : String(answer.status);
  const why = answer instanceof Error ? answer.message : (whyOf(answer) ?? request.why);
  return `${mark} ${request.what.padEnd(42)} · ${asked.padEnd(49)} · ${status} · ${why}`;
}

function whyOf(answer: DemoAnswer): string | undefined {
  const reason = reasonOf(answer);
  if (reason === undefined) return undefined;
  const text = readRefusal(answer.body)?.error ?? answer.body.replace(/^kapgate [a-z_]+ [0-9a-f-]+: /, "");
  return `${reason}: ${shorten(text.split("\n", 1)[0] ?? "", 90)}`;
}

function readRefusal(body: string): { readonly code: string; readonly error: string } | undefined {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== "object" || value === null || !("code" in value) || !("error" in value)) return undefined;
    return { code: String(value.code), error: String(value.error) };
  } catch {
    return undefined;
  }
}

function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
