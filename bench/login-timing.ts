/**
 * Whether the time of a failed login tells who exists: `node bench/login-timing.ts [TRIES]`, 20,000 unless told. A gateway with users whose
 * hashes cost differently is asked over TLS, from a new address each time, for existing and other names in random order, with wrong passwords.
 * For each kind of name Welch's t against names that nobody has; ends with 1 when one is 4.5 or more (the threshold of dudect,
 * https://eprint.iacr.org/2016/1123), as a whole or without the slowest tenth, where the noise of the machine is.
 */
import { randomBytes, randomInt } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import bcrypt from "@node-rs/bcrypt";
import pino from "pino";
import { createAuthority, issue } from "../src/certificates/authority.ts";
import { loadConfig } from "../src/config/load.ts";
import type { Log } from "../src/observability/logger.ts";
import { startGateway } from "../src/server/gateway.ts";
import { prepare } from "../src/server/prepare.ts";

const threshold = 4.5;

interface Sample {
  readonly mean: number;
  readonly variance: number;
  readonly count: number;
}

function sampleOf(values: readonly number[]): Sample {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return { mean, variance, count: values.length };
}

function welch(left: Sample, right: Sample): number {
  return (left.mean - right.mean) / Math.sqrt(left.variance / left.count + right.variance / right.count);
}

/** Without what took longer than nine tenths of both together. */
function crop(left: readonly number[], right: readonly number[]): readonly [number[], number[]] {
  const all = [...left, ...right].sort((one, other) => one - other);
  const limit = all[Math.floor(all.length * 0.9)] ?? Number.POSITIVE_INFINITY;
  return [left.filter((value) => value <= limit), right.filter((value) => value <= limit)];
}

/** Names of one length, so that only their existence differs. */
const kinds: Readonly<Record<string, () => string>> = {
  nobody: () => `user${randomBytes(4).toString("hex")}`,
  "cheap hash": () => "usercheap000",
  "costly hash": () => "usercostly00",
  "certificate alone": () => "usercert0000",
};

async function configuration(directory: string): Promise<string> {
  const authority = await createAuthority();
  const issued = await issue(authority, { hosts: ["localhost"] });
  await writeFile(join(directory, "kapgate.pem"), issued.chain + issued.privateKey, { mode: 0o600 });
  await writeFile(join(directory, "ca.pem"), authority.certificate);
  const user = (name: string, secret: string): string => `[[user]]\nname = "${name}"\nrole = "viewer"\n${secret}\n`;
  const hash = async (cost: number): Promise<string> =>
    `password-hash = "${await bcrypt.hash(randomBytes(9).toString("hex"), cost)}"`;
  const file = join(directory, "kapgate.toml");
  const text = `[http]\nbind-address = "127.0.0.1:0"\nlog-enabled = false\n[admin]\nbind-address = ""\n[access]\ntrusted-proxies = ["127.0.0.0/8"]\n[tls]\nclient-ca = "ca.pem"\nclient-auth = "optional"\n${user("usercheap000", await hash(4))}${user("usercostly00", await hash(5))}${user("usercert0000", 'certificate = "CN=nobody"')}`;
  await writeFile(file, text.replace("[http]\n", '[http]\nhttps-certificate = "kapgate.pem"\n'), { mode: 0o600 });
  return file;
}

async function measure(port: number, tries: number): Promise<Map<string, number[]>> {
  const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
  socket.setNoDelay(true);
  let took: (time: bigint) => void = () => {};
  let answer = "";
  socket.on("data", (chunk: Buffer) => {
    const now = process.hrtime.bigint();
    answer += chunk.toString("latin1");
    const end = answer.indexOf("\r\n\r\n");
    const length = Number(/content-length: (\d+)/i.exec(answer)?.[1]);
    if (end === -1 || answer.length < end + 4 + length) return;
    if (!answer.startsWith("HTTP/1.1 401")) throw new Error(answer);
    answer = "";
    took(now);
  });
  const names = Object.keys(kinds);
  const times = new Map<string, number[]>(names.map((name) => [name, []]));
  for (let attempt = 0; attempt < tries; attempt++) {
    const kind = names[randomInt(names.length)] ?? "";
    const login = Buffer.from(`${kinds[kind]?.()}:${randomBytes(9).toString("hex")}`).toString("base64");
    const address = `10.${attempt >> 16}.${(attempt >> 8) & 255}.${attempt & 255}`;
    const request = `GET /kapacitor/v1/ping HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: ${address}\r\nAuthorization: Basic ${login}\r\n\r\n`;
    const answered = new Promise<bigint>((resolve) => {
      took = resolve;
    });
    const begun = process.hrtime.bigint();
    socket.write(request);
    const time = Number((await answered) - begun) / 1e3;
    // The first ones warm up.
    if (attempt >= tries / 20) times.get(kind)?.push(time);
  }
  socket.destroy();
  return times;
}

const tries = Number(process.argv[2] ?? 20_000);
const directory = await mkdtemp(join(tmpdir(), "kapgate-timing-"));
const file = await configuration(directory);
const { config, problems } = loadConfig({ flags: { config: file }, environment: {}, workingDirectory: directory });
const prepared = config === undefined ? undefined : (await prepare(config, file)).prepared;
if (prepared === undefined) throw new Error(JSON.stringify(problems));
const quiet: Log = {
  pino: pino({ level: "silent" }),
  reopen: async () => undefined,
  close: async () => {},
  dropped: () => 0,
  problem: () => undefined,
};
const gateway = await startGateway(prepared, quiet);
const times = await measure(gateway.address.port, tries);
await gateway.stop();
await rm(directory, { recursive: true });

const nobody = times.get("nobody") ?? [];
let worst = 0;
for (const [kind, values] of times) {
  if (kind === "nobody") continue;
  const [cropped, croppedNobody] = crop(values, nobody);
  const whole = welch(sampleOf(values), sampleOf(nobody));
  const without = welch(sampleOf(cropped), sampleOf(croppedNobody));
  worst = Math.max(worst, Math.abs(whole), Math.abs(without));
  process.stdout.write(
    `${kind} against nobody: ${sampleOf(values).mean.toFixed(1)} and ${sampleOf(nobody).mean.toFixed(1)} µs on average, t = ${whole.toFixed(2)}, without the slowest tenth t = ${without.toFixed(2)} (${values.length} and ${nobody.length} tries)\n`,
  );
}
process.stdout.write(`${tries} tries: ${worst < threshold ? "below" : "NOT below"} ${threshold}\n`);
process.exitCode = worst < threshold ? 0 : 1;
