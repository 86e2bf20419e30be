import { randomUUID } from "node:crypto";
import { type Answer, type Call, failure, link, noContent, pretty } from "./answer.ts";
import { decodeBody } from "./body.ts";
import { flag, type Shape, struct, text, time, words, zeroTime } from "./go-json-shapes.ts";
import { compareText, type Encodable } from "./go-json-write.ts";
import { joinPath } from "./go-url.ts";
import { listed } from "./listing.ts";
import { basePath, type Route } from "./mux.ts";
import type { Store, StoredRecording, StoredReplay } from "./store.ts";
import { identifier, taskType } from "./tasks.ts";

const recordingsPath = `${basePath}/recordings`;
const replaysPath = `${basePath}/replays`;
const clock = words("Clock", ["fast", "real"]);

const recordStream = struct("client.RecordStreamOptions", { id: text, task: text, stop: time });
const recordBatch = struct("client.RecordBatchOptions", { id: text, task: text, start: time, stop: time });
const recordQuery = struct("client.RecordQueryOptions", { id: text, query: text, type: taskType, cluster: text });
const replay = struct("client.CreateReplayOptions", {
  id: text,
  recording: text,
  task: text,
  "recording-time": flag,
  clock,
});
const replayBatch = struct("client.ReplayBatchOptions", {
  id: text,
  task: text,
  start: time,
  stop: time,
  "recording-time": flag,
  clock,
});
const replayQuery = struct("client.ReplayQueryOptions", {
  id: text,
  task: text,
  query: text,
  cluster: text,
  "recording-time": flag,
  clock,
});

/** services/replay/service.go. Nothing is recorded or replayed: what is created is finished at once. */
export function recordingRoutes(store: Store): readonly Route[] {
  return [
    ...collection(recordingsPath, "recording", store.recordings, {
      show: (item) => showRecording(item, "finished"),
      missing: () => failure(500, "error finding recording: no recording exists"),
    }),
    ...collection(replaysPath, "replay", store.replays, {
      show: (item) => showReplay(item, "finished"),
      missing: () => failure(404, "could not find replay: no replay exists"),
    }),
    created(`${recordingsPath}/stream`, recordStream, (options) => {
      if (!store.tasks.has(options.task)) return failure(404, "no task exists");
      return addRecording(store, options.id, "stream");
    }),
    created(`${recordingsPath}/batch`, recordBatch, (options) => {
      if (options.start === zeroTime) return failure(400, "must provide start time");
      if (!store.tasks.has(options.task)) return failure(404, "no task exists");
      return addRecording(store, options.id, "batch");
    }),
    created(`${recordingsPath}/query`, recordQuery, (options) => {
      if (options.query === "") return failure(400, "must provide query");
      return addRecording(store, options.id, options.type === "batch" ? "batch" : "stream");
    }),
    created(replaysPath, replay, (options) => {
      if (!store.tasks.has(options.task)) return failure(404, "task load: no task exists");
      if (!store.recordings.has(options.recording)) return failure(404, "recording not found: no recording exists");
      return addReplay(store, options);
    }),
    created(`${replaysPath}/batch`, replayBatch, (options) => {
      const task = store.tasks.get(options.task);
      if (task === undefined) return failure(404, "task load: no task exists");
      if (task.type === "stream") return failure(400, `cannot replay batch against stream task: ${options.task}`);
      return addReplay(store, options);
    }),
    created(`${replaysPath}/query`, replayQuery, (options) => {
      if (options.query === "") return failure(400, "must provide query");
      if (!store.tasks.has(options.task)) return failure(404, "task load: no task exists");
      return addReplay(store, options);
    }),
  ];
}

/** Reading, listing (newest first) and deleting, which recordings and replays have in common. */
function collection<T extends { readonly date: string; readonly id: string }>(
  path: string,
  noun: string,
  items: Map<string, T>,
  { show, missing }: { show: (item: T) => Readonly<Record<string, Encodable>>; missing: () => Answer },
): readonly Route[] {
  const id = (call: Call) => call.path.slice(path.length + 1);
  const withId = (call: Call, then: (id: string) => Answer) =>
    id(call) === "" ? failure(400, `must specify ${noun} id on path`) : then(id(call));
  const pattern = `${path}/`;
  return [
    {
      method: "GET",
      pattern: path,
      handle: (call) =>
        listed(call.query, {
          name: `${noun}s`,
          items,
          order: (left, right) => compareText(right.date, left.date) || compareText(right.id, left.id),
          fields: fieldsOf[noun] ?? [],
          show: (item, field) => (fieldsOf[noun]?.includes(field) ? show(item)[field] : undefined),
          unlimited: true,
        }),
    },
    {
      method: "GET",
      pattern,
      handle: (call) =>
        withId(call, (wanted) => {
          const item = items.get(wanted);
          return item === undefined ? missing() : pretty(show(item));
        }),
    },
    {
      method: "DELETE",
      pattern,
      handle: (call) =>
        withId(call, (wanted) => {
          items.delete(wanted);
          return noContent;
        }),
    },
    { method: "OPTIONS", pattern, handle: () => noContent },
  ];
}

const fieldsOf: Readonly<Record<string, readonly string[]>> = {
  recording: ["link", "id", "type", "size", "date", "error", "status", "progress"],
  replay: ["link", "id", "recording", "task", "recording-time", "clock", "date", "error", "status", "progress"],
};

/** A POST that creates something with an id of the client's or a new one. */
function created<T extends { readonly id: string }>(
  pattern: string,
  shape: Shape<T>,
  add: (options: T) => Answer,
): Route {
  const rule = (noun: string, id: string) =>
    `${noun} ID must contain only letters, numbers, '-', '.' and '_'. ${JSON.stringify(id)}`;
  return {
    method: "POST",
    pattern,
    handle: (call) => {
      const read = decodeBody(call, shape);
      if ("error" in read) return failure(400, read.error);
      const id = read.value.id || randomUUID();
      if (!identifier.test(id)) {
        if (pattern === `${replaysPath}/batch`)
          return failure(400, `replay ID must match ${goPattern} ${JSON.stringify(id)}`);
        if (pattern === `${replaysPath}/query`)
          return failure(400, `recording ID must match ${goPattern} ${JSON.stringify(id)}`);
        return failure(400, rule(pattern === replaysPath ? "replay" : "recording", id));
      }
      return add({ ...read.value, id });
    },
  };
}

const goPattern = "^[-\\._\\p{L}0-9]+$";

function addRecording(store: Store, id: string, type: "stream" | "batch"): Answer {
  if (store.recordings.has(id)) return failure(500, "recording already exists");
  const recording: StoredRecording = { id, type, date: new Date().toISOString() };
  store.recordings.set(id, recording);
  return pretty(showRecording(recording, "running"), 201);
}

function addReplay(
  store: Store,
  options: { id: string; task: string; clock: string; "recording-time": boolean; recording?: string },
): Answer {
  if (options.recording === undefined && store.replays.has(options.id)) return failure(500, "replay already exists");
  const added: StoredReplay = {
    id: options.id,
    task: options.task,
    recording: options.recording ?? "",
    recordingTime: options["recording-time"],
    clock: options.clock || "fast",
    date: new Date().toISOString(),
  };
  store.replays.set(options.id, added);
  return pretty(showReplay(added, "running"), 201);
}

function showRecording({ id, type, date }: StoredRecording, status: string): Readonly<Record<string, Encodable>> {
  return {
    link: link(joinPath(recordingsPath, id)),
    id,
    type,
    size: 0,
    date,
    error: "",
    status,
    progress: status === "finished" ? 1 : 0,
  };
}

function showReplay(item: StoredReplay, status: string): Readonly<Record<string, Encodable>> {
  return {
    link: link(joinPath(replaysPath, item.id)),
    id: item.id,
    task: item.task,
    recording: item.recording,
    "recording-time": item.recordingTime,
    clock: item.clock,
    date: item.date,
    error: "",
    status,
    progress: status === "finished" ? 1 : 0,
    stats: {},
  };
}
