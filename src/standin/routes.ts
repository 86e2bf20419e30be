import { noContent, pretty } from "./answer.ts";
import { configRoutes } from "./config.ts";
import { debugRoutes } from "./debug.ts";
import type { LogStreams } from "./logs.ts";
import { basePath, previewPath, type Route } from "./mux.ts";
import { recordingRoutes } from "./recordings.ts";
import { serviceTestRoutes } from "./service-tests.ts";
import { storageRoutes } from "./storage.ts";
import type { Store } from "./store.ts";
import { taskRoutes } from "./tasks.ts";
import { templateRoutes } from "./templates.ts";
import { topicRoutes } from "./topics.ts";
import { type StoredPoint, write } from "./write.ts";

/** What the routes work on. */
export interface Surroundings {
  readonly store: Store;
  readonly logs: LogStreams;
  readonly version: string;
  readonly serverId: string;
  readonly takePoints: (points: readonly StoredPoint[]) => void;
  readonly patterns: () => ReadonlyMap<string, readonly string[]>;
}

/** Every route of Kapacitor 1.5 to 1.8 as it is configured by default (no users, no Flux tasks). */
export function routes({ store, logs, version, serverId, takePoints, patterns }: Surroundings): readonly Route[] {
  return [
    ...["GET", "HEAD"].map((method): Route => ({ method, pattern: `${basePath}/ping`, handle: () => noContent })),
    ...["/write", `${basePath}/write`].flatMap((pattern): readonly Route[] => [
      { method: "POST", pattern, handle: (call) => write(call, version, takePoints) },
      { method: "OPTIONS", pattern, handle: () => noContent },
    ]),
    ...["subscriptions", "sideload/reload"].map(
      (name): Route => ({ method: "POST", pattern: `${basePath}/${name}`, handle: () => noContent }),
    ),
    { method: "GET", pattern: `${basePath}/:routes`, handle: () => pretty(patterns()) },
    {
      method: "GET",
      pattern: `${previewPath}/logs`,
      handle: (call) => logs.answer(call),
      noGzip: true,
      noJson: true,
    },
    ...debugRoutes(store, version, serverId),
    ...taskRoutes(store, version),
    ...templateRoutes(store),
    ...recordingRoutes(store),
    ...topicRoutes(store, version),
    ...configRoutes(store, version),
    ...serviceTestRoutes(store, version),
    ...storageRoutes(store),
  ];
}
