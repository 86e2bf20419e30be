import { type Answer, type Call, notFound } from "./answer.ts";
import { cleanPath } from "./go-url.ts";

export const basePath = "/kapacitor/v1";
export const previewPath = "/kapacitor/v1preview";
export const methods = ["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"] as const;

export interface Route {
  readonly method: string;
  /** Ends in a slash: everything below; else exactly this path. */
  readonly pattern: string;
  readonly handle: (call: Call) => Answer | Promise<Answer>;
  /** Answers are never compressed. */
  readonly noGzip?: true;
  /** The route names its own Content-Type. */
  readonly noJson?: true;
}

export type Found =
  | { readonly kind: "route"; readonly route: Route; readonly path: string; readonly preview: boolean }
  | { readonly kind: "redirect"; readonly path: string }
  | { readonly kind: "no method" };

/** Finds routes as services/httpd/mux.go does: by method, by decoded path, longest pattern first. */
export class Mux {
  readonly #byMethod = new Map<string, Map<string, Route>>(methods.map((method) => [method, new Map()]));

  constructor(routes: readonly Route[]) {
    for (const route of routes) this.#byMethod.get(route.method)?.set(route.pattern, route);
    for (const method of methods) {
      const table = this.#byMethod.get(method);
      for (const pattern of ["/", `${previewPath}/`]) {
        table?.set(pattern, { method, pattern, handle: () => notFound });
      }
    }
  }

  /** Patterns with their methods, as `GET /kapacitor/v1/:routes` lists them. */
  patterns(): ReadonlyMap<string, readonly string[]> {
    const found = new Map<string, string[]>();
    for (const [method, table] of this.#byMethod) {
      for (const pattern of table.keys()) found.set(pattern, [...(found.get(pattern) ?? []), method]);
    }
    return found;
  }

  find(method: string, path: string): Found {
    const table = this.#byMethod.get(method);
    if (table === undefined) return { kind: "no method" };
    const clean = cleaned(path);
    if (clean !== path) return { kind: "redirect", path: clean };
    const route = longest(table, path);
    if (route.pattern !== `${previewPath}/`) return { kind: "route", route, path, preview: false };
    const rewritten = path.replace(previewPath, basePath);
    return { kind: "route", route: longest(table, rewritten), path: rewritten, preview: true };
  }
}

function longest(table: ReadonlyMap<string, Route>, path: string): Route {
  let best: Route = { method: "", pattern: "", handle: () => notFound };
  for (const route of table.values()) {
    const matches = route.pattern.endsWith("/") ? path.startsWith(route.pattern) : path === route.pattern;
    if (matches && route.pattern.length > best.pattern.length) best = route;
  }
  return best;
}

/** `cleanPath` of the mux: path.Clean, but a trailing slash stays. */
function cleaned(path: string): string {
  const rooted = path.startsWith("/") ? path : `/${path}`;
  const clean = cleanPath(rooted);
  return rooted.endsWith("/") && clean !== "/" ? `${clean}/` : clean;
}
