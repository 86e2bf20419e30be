import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A headless Chromium with one page, driven by the DevTools protocol. */
export interface Chromium {
  /** Sends a command to the page and resolves with its result. */
  send(method: string, parameters?: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>>>;
  /** The value of an expression in the page. */
  evaluate(expression: string): Promise<unknown>;
  /** Loads an address and resolves when the page and everything on it is there. */
  open(url: string): Promise<void>;
  /** Every event of the page so far: its method and parameters. */
  readonly events: readonly { readonly method: string; readonly params: Readonly<Record<string, unknown>> }[];
  /** Writes a picture of the whole page, as wide as it is told to be. */
  screenshot(file: string): Promise<void>;
  close(): Promise<void>;
}

/** The `chromium` on PATH, or why there is none. */
export function findChromium(): { readonly path: string } | { readonly missing: string } {
  try {
    return { path: execFileSync("sh", ["-c", "command -v chromium"], { encoding: "utf8" }).trim() };
  } catch {
    return { missing: "chromium is not on PATH (Debian: apt-get install chromium)" };
  }
}

const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--remote-debugging-port=0",
];
const startMs = 60_000;

/** Starts Chromium with a profile of its own. Rejects when it does not come up. */
export async function startChromium(path: string): Promise<Chromium> {
  const profile = await mkdtemp(join(tmpdir(), "kapgate-chromium-"));
  const child = spawn(path, [...flags, `--user-data-dir=${profile}`, "about:blank"], { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const end = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const port = await portIn(join(profile, "DevToolsActivePort"), () => child.exitCode !== null);
    const page = await connect(await pageOf(port));
    return { ...page, close: end };
  } catch (error) {
    await end();
    throw error;
  }
}

async function portIn(file: string, hasEnded: () => boolean): Promise<number> {
  for (const began = Date.now(); Date.now() - began < startMs && !hasEnded(); ) {
    if (existsSync(file)) {
      const [port = ""] = (await readFile(file, "utf8")).split("\n");
      if (port !== "") return Number(port);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("chromium did not start");
}

async function pageOf(port: number): Promise<string> {
  const targets: unknown = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
  if (Array.isArray(targets))
    for (const { type, webSocketDebuggerUrl: url } of targets)
      if (type === "page" && typeof url === "string") return url;
  throw new Error("chromium has no page");
}

async function connect(url: string): Promise<Omit<Chromium, "close">> {
  const socket = new WebSocket(url);
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener("open", () => resolve());
    socket.addEventListener("error", () => reject(new Error("no connection to chromium")));
  });
  const waiting = new Map<number, PromiseWithResolvers<Readonly<Record<string, unknown>>>>();
  const events: { method: string; params: Readonly<Record<string, unknown>> }[] = [];
  let loaded: (() => void) | undefined;
  socket.addEventListener("message", ({ data }) => {
    const message = JSON.parse(String(data));
    if (typeof message.id !== "number") {
      events.push({ method: message.method, params: message.params });
      if (message.method === "Page.loadEventFired") loaded?.();
      return;
    }
    const call = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.error === undefined) call?.resolve(message.result);
    else call?.reject(new Error(message.error.message));
  });
  let last = 0;
  const send: Chromium["send"] = (method, params = {}) => {
    last += 1;
    const call = Promise.withResolvers<Readonly<Record<string, unknown>>>();
    waiting.set(last, call);
    socket.send(JSON.stringify({ id: last, method, params }));
    return call.promise;
  };
  for (const domain of ["Page", "Runtime", "Log", "Network"]) await send(`${domain}.enable`);
  return {
    send,
    events,
    evaluate: async (expression) => {
      const { result } = await send("Runtime.evaluate", { expression, returnByValue: true });
      return typeof result === "object" && result !== null && "value" in result ? result.value : undefined;
    },
    open: async (address) => {
      const there = new Promise<void>((resolve) => {
        loaded = resolve;
      });
      await send("Page.navigate", { url: address });
      await there;
    },
    screenshot: async (file) => {
      const { data } = await send("Page.captureScreenshot", { captureBeyondViewport: true });
      await writeFile(file, Buffer.from(String(data), "base64"));
    },
  };
}
