import { request } from "undici";
import { loadConfig } from "../config/load.ts";
import { printProblems } from "./configuration.ts";
import { parseFlags } from "./flags.ts";
import type { CommandIo } from "./io.ts";

const timeoutMs = 3000;

/** `kapgate health`: asks the admin listener of the running gateway; for container health checks. 0 healthy, 1 configuration, 2 not healthy. */
export async function run(io: CommandIo): Promise<number> {
  const parsed = parseFlags(io.argv, { config: "string" });
  if (!parsed.ok || parsed.positionals.length > 0) {
    io.stderr.write(
      `kapgate health: ${parsed.ok ? `unexpected argument ${JSON.stringify(parsed.positionals[0])}` : parsed.text}\n`,
    );
    return 1;
  }
  const { config: path } = parsed.values;
  const loaded = loadConfig({
    flags: path === undefined ? {} : { config: path },
    environment: io.environment,
    workingDirectory: io.workingDirectory,
    serving: false,
  });
  if (loaded.config === undefined) {
    printProblems(io, loaded.problems);
    return 1;
  }
  const address = loaded.config.admin["bind-address"];
  if (address === undefined || !("port" in address)) {
    io.stderr.write("kapgate health: the admin listener is off ([admin] bind-address)\n");
    return 1;
  }
  const host =
    address.host === "" || address.host === "0.0.0.0" ? "127.0.0.1" : address.host === "::" ? "::1" : address.host;
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${address.port}/-/healthy`;
  try {
    const answer = await request(url, { signal: AbortSignal.timeout(timeoutMs), headersTimeout: timeoutMs });
    await answer.body.dump();
    if (answer.statusCode === 200) return 0;
    io.stderr.write(`kapgate health: ${url} answered ${answer.statusCode}\n`);
  } catch (error) {
    io.stderr.write(`kapgate health: ${url}: ${error instanceof Error ? error.message : String(error)}\n`);
  }
  return 2;
}
