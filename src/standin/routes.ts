import { noContent, pretty } from "./answer.ts";
import type { LogStreams } from "./logs.ts";
import { basePath, previewPath, type Route } from "./mux.ts";
import type { Store } from "./store.ts";
import { taskRoutes } from "./tasks.ts";
import { type StoredPoint, write } from "./write.ts";

/** What the routes work on. */
export interface Surroundings {
  readonly store: Store;
  readonly logs: LogStreams;
  readonly takePoints: (points: readonly StoredPoint[]) => void;
  readonly patterns: () => ReadonlyMap<string, readonly string[]>;
}

/** Every route of Kapacitor 1.5 to 1.8 as it is configured by default. */
export function routes({ store, logs, takePoints, patterns }: Surroundings): readonly Route[] {
  return [
    ...["GET", "HEAD"].map((method): Route => ({ method, pattern: `${basePath}/ping`, handle: () => noContent })),
    ...["/write", `${basePath}/write`].flatMap((pattern): readonly Route[] => [
      { method: "POST", pattern, handle: (call) => write(call, takePoints) },
      { method: "OPTIONS", pattern, handle: () => noContent },
    ]),
    { method: "GET", pattern: `${basePath}/:routes`, handle: () => pretty(patterns()) },
    {
      method: "GET",
      pattern: `${previewPath}/logs`,
      handle: (call) => logs.answer(call),
      noGzip: true,
      noJson: true,
    },
    ...taskRoutes(store),
  ];
}
