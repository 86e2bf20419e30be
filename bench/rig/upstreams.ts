import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cores, freePort, type Program, startProgram } from "./programs.ts";
import type { Workshop } from "./workshop.ts";

/** What stands behind the peers. */
export interface UpstreamProgram {
  readonly port: number;
  readonly program: Program;
}

/** The minimal upstream that answers 204. */
export async function startMinimal(workshop: Workshop): Promise<UpstreamProgram> {
  const port = await freePort();
  const folder = await workshop.folder("upstream");
  const args = [join(import.meta.dirname, "upstream.ts"), String(port)];
  const options = { name: "upstream", command: process.execPath, args, folder, port, core: cores.others };
  return { port, program: await startProgram(options) };
}

/** The real daemon that KAPACITORD names, or undefined. */
export function kapacitordPath(): string | undefined {
  const named = process.env.KAPACITORD;
  return named === undefined || named === "" ? undefined : named;
}

/** A real Kapacitor without InfluxDB and without tasks, with its own access log on as it is by default. */
export async function startDaemon(
  workshop: Workshop,
  command: string,
  more: { readonly https?: boolean; readonly port?: number } = {},
): Promise<UpstreamProgram> {
  const port = more.port ?? (await freePort());
  const name = more.https === true ? "kapacitord https" : "kapacitord";
  const folder = await workshop.folder(name);
  await writeFile(
    join(folder, "kapacitor.conf"),
    `hostname = "localhost"
data_dir = "${folder}"
[http]
  bind-address = "127.0.0.1:${port}"
  https-enabled = ${more.https === true}
  https-certificate = "${workshop.pem}"
[logging]
  file = "${folder}/kapacitor.log"
  level = "INFO"
[replay]
  dir = "${folder}/replay"
[task]
  dir = "${folder}/tasks"
[storage]
  boltdb = "${folder}/kapacitor.db"
[load]
  dir = "${folder}/load"
[reporting]
  enabled = false
[stats]
  enabled = false
[[influxdb]]
  enabled = false
  default = true
  name = "default"
  urls = ["http://127.0.0.1:1"]
  disable-subscriptions = true
`,
  );
  const args = ["-config", join(folder, "kapacitor.conf")];
  return { port, program: await startProgram({ name, command, args, folder, port, core: cores.others }) };
}
