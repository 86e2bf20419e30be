import { hostname } from "node:os";
import { resolve } from "node:path";
import { daysUntil, type RenewedFiles, renewCertificate } from "../certificates/renew.ts";
import { parseFlags } from "./flags.ts";
import type { CommandIo } from "./io.ts";

/**
 * `kapgate cert`: makes the certificate of a server, or renews it under the CA that is there, and says what it wrote.
 * @returns 0; 1 for wrong flags and for files that it must not replace; 2 when the directory cannot be read or written
 */
export async function run(io: CommandIo): Promise<number> {
  const fail = (code: number, text: string): number => {
    io.stderr.write(`kapgate cert: ${text}\n`);
    return code;
  };
  const parsed = parseFlags(io.argv, { hosts: "string", dir: "string" });
  if (!parsed.ok) return fail(1, parsed.text);
  const [unexpected] = parsed.positionals;
  if (unexpected !== undefined) return fail(1, `unexpected argument ${JSON.stringify(unexpected)}`);
  const now = new Date();
  try {
    const renewed = await renewCertificate({
      directory: resolve(io.workingDirectory, parsed.values.dir ?? "certs"),
      hosts: parsed.values.hosts?.split(","),
      machine: hostname(),
      now,
    });
    if (!renewed.ok) return fail(1, renewed.text);
    io.stdout.write(describeRenewed(renewed, now));
    io.stdout.write(
      "A running kapgate takes the new certificate on SIGHUP (systemctl reload kapgate, or kill -HUP).\n",
    );
    return 0;
  } catch (error) {
    return fail(2, error instanceof Error ? error.message : String(error));
  }
}

/** What was written, one file a line, and what the certificate is good for. */
export function describeRenewed({ paths, authorityCreated, names, validTo }: RenewedFiles, now: Date): string {
  const authority = authorityCreated
    ? `wrote ${paths.authority}: the CA, for every client\nwrote ${paths.authorityKey}: the key of the CA, for the owner only; the next renewal needs it\n`
    : `kept  ${paths.authority}: the CA, clients need nothing new\n`;
  return `wrote ${paths.certificate}: certificate and private key, for the owner only
${authority}names ${names.join(", ")}
valid ${daysUntil(validTo, now)} days, until ${validTo.toISOString().slice(0, 10)}
`;
}
