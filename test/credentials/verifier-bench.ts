import { setImmediate } from "node:timers/promises";
import t from "tap";
import { compileUsers, type UserEntry, type UserTable } from "../../src/credentials/users.ts";
import { createVerifier, type VerifierOptions } from "../../src/credentials/verifier.ts";
import { createFakeTime } from "./fake-time.ts";

const salted = (cost: string, filler: string) => `$2b$${cost}$${filler.repeat(21)}.${filler.repeat(30)}.`;
/** Hashes by the password that the pretended hash function opens them with. */
export const hashOf = { secret: salted("10", "A"), other: salted("10", "B"), costly: salted("12", "C") };
export const scryptHash = "$scrypt$ln=10,r=8,p=2$MDEyMzQ1Njc4OWFiY2RlZg$YoTbIrWa6eURZL72b7afK2cIYilLtiFNwJntMxWyN0I";

export const entry: UserEntry = {
  name: "ann",
  hash: hashOf.secret,
  role: "editor",
  instances: [],
  databases: ["telegraf"],
};

export function tableOf(...changes: readonly Partial<UserEntry>[]): UserTable {
  const { users, problems } = compileUsers(changes.map((change) => ({ ...entry, ...change })));
  t.same(
    problems.filter(({ severity }) => severity === "error"),
    [],
  );
  return users;
}

const classOf = (hash: string) =>
  hash.startsWith("$scrypt") ? "scrypt" : hash.startsWith("$2") ? hash.slice(4, 6) : "plain";

/** A verifier whose hash function is counted, ends when told and can be told apart by cost. */
export function createBench(users: UserTable, options: Partial<VerifierOptions> = {}) {
  const time = createFakeTime();
  const calls: { readonly hash: string; readonly password: string }[] = [];
  const held: (() => void)[] = [];
  let holding = false;
  const verifier = createVerifier({
    users,
    now: time.now,
    schedule: time.schedule,
    async verifyHash(hash, password) {
      calls.push({ hash, password });
      if (holding) await new Promise<void>((resolve) => held.push(resolve));
      return Object.entries(hashOf).some(([right, known]) => known === hash && right === password);
    },
    ...options,
  });
  return {
    time,
    calls,
    verifier,
    login: (user: string, password: string, address = "192.0.2.1") => verifier.verify({ user, password }, address),
    hold: () => {
      holding = true;
    },
    async release() {
      holding = false;
      for (const resume of held.splice(0)) resume();
      await setImmediate();
    },
    costs: () =>
      calls
        .splice(0)
        .map(({ hash }) => classOf(hash))
        .sort(),
  };
}

/** The principal of {@link entry}. */
export const ann = { name: "ann", role: "editor", instances: [], databases: ["telegraf"] };
