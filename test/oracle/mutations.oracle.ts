import t from "tap";
import { inspectScript } from "../../src/core/script-policy.ts";
import { parseScript } from "../../src/tickscript/parser.ts";
import * as rules from "../policy/scripts-rule-cases.ts";
import * as syntax from "../policy/scripts-syntax-cases.ts";
import { createRandom } from "../support/line-bodies.ts";
import { createMutations } from "./mutations.ts";
import { ordinary } from "./ordinary.ts";
import { caseOf, startPeer } from "./peer.ts";
import { program, skip } from "./surroundings.ts";

const tables = Object.values({ ...syntax, ...rules })
  .flat()
  .map(({ script }) => script.replace("▸", "").replace(/\b(alert|Alert)\(\)/g, "$1().crit(lambda: TRUE)"));

t.test(
  "a real Kapacitor parses what the gateway parses, and does nothing with what the policy allows",
  { skip },
  async (t) => {
    const peer = await startPeer(program());
    t.teardown(() => peer.close());
    const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
    const told = `seed ${seed} (SEED=${seed} plays it again)`;
    const random = createRandom(seed);
    // The tables weigh as much as the ordinary scripts, which are longer.
    const next = createMutations(random, [...tables, ...ordinary.map(({ script }) => script.slice(0, 300))]);
    const allowed = new Map<string, string>();
    const differences: string[] = [];
    let parsed = 0;
    for (let index = 0; index < 3_000; index++) {
      const script = next();
      const ours = parseScript(script);
      // These end Kapacitor: crashes.oracle.ts.
      if (!ours.ok && ours.problem.message.includes("cannot read a regex here")) continue;
      if (/\|\s*[sS\u017f]ideload/.test(script)) continue;
      const id = `case${index}`;
      const report = inspectScript(script, { disabled: new Set(["exec", "log"]), udfs: new Set(), vars: new Map() });
      const isAllowed = report.ok && report.findings.length === 0;
      let contained: string;
      try {
        contained = peer.contain(script);
      } catch {
        continue;
      }
      const { status, body } = await peer.send(
        "POST",
        "/kapacitor/v1/tasks",
        JSON.stringify({
          id,
          type: "stream",
          status: isAllowed ? "enabled" : "disabled",
          dbrps: [{ db: id, rp: "r" }],
          script: contained,
        }),
      );
      // A request may fail alone; what is not a complaint of the parser has been parsed.
      const complaint = status === 400 ? String(JSON.parse(body).error) : "";
      const theirs = !complaint.startsWith("invalid TICKscript: parser: ");
      if (theirs) parsed++;
      // Kapacitor compiles a regex as soon as it has read it; the gateway leaves that to Kapacitor.
      const isRegex = complaint.includes("error parsing regexp");
      if (theirs !== ours.ok && !isRegex)
        differences.push(`${JSON.stringify(script)}: ${ours.ok ? complaint : ours.problem.message}`);
      if (status !== 200) {
        if (!(await peer.isAlive())) throw new Error(`${told}: Kapacitor ended at ${JSON.stringify(script)}`);
      } else if (isAllowed) {
        await peer.write(id, id);
        allowed.set(id, script);
      } else await peer.send("DELETE", `/kapacitor/v1/tasks/${id}`);
    }
    t.ok(parsed > 300, `${parsed} of them parse, ${told}`);
    t.ok(allowed.size > 30, `${allowed.size} are allowed and run, ${told}`);
    t.strictSame(differences, [], `no differences, ${told}`);
    const fired = (await peer.settle(2_000)).filter(({ kind }) => kind === "exec" || kind === "log");
    const guilty = fired.map((sent) => allowed.get(caseOf(sent) ?? ""));
    t.strictSame(guilty, [], `nothing that is disabled goes off, ${told}`);
  },
);
