import type { Buffer } from "node:buffer";
import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { type Encodable, encode } from "./go-json-write.ts";
import type { Query } from "./go-url.ts";

/** What a route gets to see of a request. */
export interface Call {
  readonly method: string;
  /** Decoded, after `v1preview` was replaced. */
  readonly path: string;
  readonly query: Query;
  /** The query as it came. */
  readonly rawQuery: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What a route decides; the server writes it. */
export type Answer =
  | {
      readonly kind: "value";
      readonly status: number;
      readonly body: string | Buffer;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | { readonly kind: "error"; readonly status: number; readonly text: string; readonly compact?: true }
  | { readonly kind: "stream"; readonly open: (response: ServerResponse) => void }
  | { readonly kind: "panic" };

/** `httpd.MarshalJSON(value, true)`: indented with four spaces, no line end. */
export function pretty(value: Encodable, status = 200): Answer {
  return { kind: "value", status, body: encode(value, "    ") };
}

/** `json.NewEncoder(w).Encode(value)`: compact, one line. */
export function compact(value: Encodable): Answer {
  return { kind: "value", status: 200, body: `${encode(value)}\n` };
}

export const noContent: Answer = { kind: "value", status: 204, body: "" };

/** `httpd.HttpError`; the server spells it as the version does. */
export function failure(status: number, text: string): Answer {
  return { kind: "error", status, text };
}

/** The Go handler panics: net/http closes the connection without an answer. */
export const panic: Answer = { kind: "panic" };

export const notFound = failure(404, "Not Found");

/** A link of the API to a path of its own. */
export function link(href: string, relation = "self"): { readonly rel: string; readonly href: string } {
  return { rel: relation, href };
}
