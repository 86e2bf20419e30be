import { nearest } from "../config/suggest.ts";
import { commands, findCommand, helpFor, overview } from "./catalogue.ts";
import type { ProcessIo } from "./io.ts";

/**
 * Finds the command that the arguments name and runs it: `run` when there is none or the first argument is a flag (as kapacitord does).
 * `help`, `-h` and `-help` anywhere behind a command show that command's help. 1 for a command that does not exist.
 */
export async function runCommand(io: ProcessIo): Promise<number> {
  const [first = "run", ...rest] = io.argv;
  if (first === "help" || isHelp(first)) return help(io, rest[0]);
  const isFlag = first.startsWith("-");
  if (isFlag && /^--?(?:version|v)$/.test(first))
    return (await findCommand("version")?.load())?.run({ ...io, argv: [] }) ?? 2;
  const name = isFlag ? "run" : first;
  const argv = isFlag ? io.argv : rest;
  const command = findCommand(name);
  if (command === undefined) return unknown(io, name);
  if (argv.some(isHelp)) return help(io, name);
  const { run } = await command.load();
  return run({ ...io, argv });
}

function isHelp(argument: string): boolean {
  return /^--?(?:h|help)$/.test(argument);
}

function help(io: ProcessIo, name: string | undefined): number {
  if (name === undefined || name === "help" || isHelp(name)) {
    io.stdout.write(overview());
    return 0;
  }
  const command = findCommand(name);
  if (command === undefined) return unknown(io, name);
  io.stdout.write(helpFor(command));
  return 0;
}

function unknown(io: ProcessIo, name: string): number {
  const near = nearest(
    name,
    commands.map((command) => command.name),
  );
  io.stderr.write(
    `kapgate: there is no command ${JSON.stringify(name)}${near === undefined ? "" : `, did you mean ${near}`}; kapgate help shows all\n`,
  );
  return 1;
}
