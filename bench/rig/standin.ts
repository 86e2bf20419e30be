/** node standin.ts PORT: the stand-in for Kapacitor as a program of its own. */
import { startStandin } from "../../src/standin/server.ts";

await startStandin({ port: Number(process.argv[2]), requestLimit: 1, pointLimit: 1 });
