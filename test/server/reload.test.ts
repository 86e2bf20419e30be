import { mkdir, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import pino from "pino";
import t, { type Test } from "tap";
import { loadConfig } from "../../src/config/load.ts";
import { prepare } from "../../src/server/prepare.ts";
import { createReloader, type GoodReading, type Reading } from "../../src/server/reload.ts";
import { keepFixed } from "../../src/server/reload-fixed.ts";
import { createReloadHistory } from "../../src/server/reload-history.ts";
import { contentsOf, createFileWatch } from "../../src/server/watch-files.ts";
import { adminUser, testCertificate } from "../support/gateway.ts";

const pollMs = 10;

// The watch alone keeps no process alive.
const alive = setInterval(() => {}, 1000);
t.teardown(() => clearInterval(alive));

/** Resolves with the changes that the watch tells of, one after the other. */
function watchOf(t: Test) {
  const told: (readonly string[])[] = [];
  const waiting: ((changed: readonly string[]) => void)[] = [];
  const watch = createFileWatch((changed) => {
    const next = waiting.shift();
    if (next === undefined) told.push(changed);
    else next(changed);
  }, pollMs);
  t.teardown(() => watch.stop());
  return {
    watch,
    told,
    next: () => new Promise<readonly string[]>((resolve) => waiting.push(resolve)),
  };
}

t.test("files are watched by what they hold, wherever a link leads, and whatever is wrong with them", async (t) => {
  const folder = t.testdir({ one: { secret: "a" }, two: { secret: "b" }, plain: "c" });
  await symlink("one", join(folder, "current"));
  const [linked, plain, later] = [join(folder, "current/secret"), join(folder, "plain"), join(folder, "later")];
  const files = [linked, plain, later];
  const { watch, next, told } = watchOf(t);
  const change = async (make: () => Promise<unknown>): Promise<readonly string[]> => {
    const known = await contentsOf(files);
    watch.watch(files, known);
    const changed = next();
    await make();
    return changed;
  };

  // As the kubelet does: a new folder, and one rename that lets the link lead there.
  const swap = async () => {
    await symlink("two", join(folder, "next"));
    await rename(join(folder, "next"), join(folder, "current"));
  };
  t.strictSame(await change(swap), [linked], "a link that was swapped, far up the path");
  t.strictSame(await change(() => writeFile(later, "d")), [later], "a file that was not there");
  t.strictSame(await change(() => rm(plain)), [plain], "a file that is gone");
  t.strictSame(await change(() => mkdir(plain)), [plain], "a folder in its place");

  watch.watch(files, await contentsOf(files));
  await utimes(later, new Date(), new Date(0));
  await new Promise((resolve) => setTimeout(resolve, 10 * pollMs));
  t.strictSame(told, [], "a file that was only touched is the same");
  const missed = await contentsOf(files);
  await writeFile(later, "changed before the watch began");
  watch.watch(files, missed);
  t.strictSame(await next(), [later], "what is known counts, not what the first look finds");
});

t.test("a change is told of when two looks agree, and once", async (t) => {
  const folder = t.testdir({ file: "0" });
  const file = join(folder, "file");
  const { watch, next, told } = watchOf(t);
  watch.watch([file], await contentsOf([file]));
  let count = 0;
  const writing = setInterval(() => void writeFile(file, String(count++)), 1);
  t.strictSame(await next(), [file], "a file that never rests is told of nevertheless");
  clearInterval(writing);
  await new Promise((resolve) => setTimeout(resolve, 10 * pollMs));
  t.strictSame(told, [], "then the watch waits to be set again");
});

t.test("what became of reloads", async (t) => {
  const history = createReloadHistory(() => new Date(0));
  const broken = { severity: "error", text: "broken" } as const;
  const warning = { severity: "warning", text: "doubtful" } as const;
  const summary = () => {
    const { successful, last, problems } = history.status();
    return [successful, last?.kind, problems.map(({ text }) => text).join()];
  };
  history.started([warning]);
  t.strictSame(summary(), [true, undefined, "doubtful"]);
  history.refused("configuration", [broken]);
  t.strictSame(summary(), [false, "configuration", "broken,doubtful"]);
  history.taken("files", []);
  t.strictSame(summary(), [false, "files", "broken"], "files do not mend a configuration");
  history.refused("files", [broken]);
  history.taken("configuration", [warning]);
  t.strictSame(summary(), [true, "configuration", "doubtful"], "a configuration has read its files");
  history.refused("files", [broken]);
  t.equal(history.status().successful, false);
  history.taken("files", []);
  t.equal(history.status().successful, true);
});

/** Readings of texts, as the start and every reload make them. */
async function readings(t: Test) {
  const { pem } = await testCertificate();
  const folder = t.testdir({ "kapgate.pem": pem, "kapgate.toml": "" });
  return async (text: string): Promise<GoodReading> => {
    await writeFile(join(folder, "kapgate.toml"), `${adminUser}[http]\nhttps-certificate = "kapgate.pem"\n${text}`);
    const loaded = loadConfig({
      environment: {},
      workingDirectory: folder,
      flags: { config: "kapgate.toml" },
    });
    const prepared = loaded.config && (await prepare(loaded.config, undefined)).prepared;
    if (prepared === undefined) throw new Error(JSON.stringify(loaded.problems));
    return { prepared, problems: [], source: loaded.source, files: loaded.files, contents: new Map() };
  };
}

t.test("what is opened at the start stays, and is told of by its key", async (t) => {
  const read = await readings(t);
  const running = (await read('bind-address = "127.0.0.1:1"')).prepared.config;
  const next = (await read('bind-address = "127.0.0.1:2"\nrealm = "new"\n[logging]\nformat = "logfmt"')).prepared
    .config;
  const { config, problems } = keepFixed(next, running);
  t.strictSame(config.http["bind-address"], { host: "127.0.0.1", port: 1 });
  t.equal(config.http.realm, "new");
  t.equal(config.logging.format, "json");
  t.strictSame(
    problems.map(({ severity, key }) => [severity, key]),
    [
      ["warning", "http.bind-address"],
      ["warning", "logging.format"],
    ],
  );
  t.strictSame(keepFixed(running, running).problems, []);
});

t.test("reloads go one at a time, the last reading runs, and a failure of one is none of the next", async (t) => {
  const read = await readings(t);
  const first = await read('realm = "zero"');
  const outcomes: (() => Promise<Reading>)[] = [];
  let reads = 0;
  let under = 0;
  const realms: string[] = [];
  const gateway = {
    reloads: createReloadHistory(),
    replace: (prepared: GoodReading["prepared"]) => {
      if (prepared.config.http.realm === "thrown") throw new Error("no context");
      realms.push(prepared.config.http.realm);
    },
  };
  const reloader = createReloader(
    gateway,
    { ...first, files: [] },
    async () => {
      reads += 1;
      under += 1;
      t.equal(under, 1, "one at a time");
      await new Promise((resolve) => setTimeout(resolve, 5));
      under -= 1;
      const outcome = outcomes.shift();
      if (outcome === undefined) throw new Error("cannot be read");
      return outcome();
    },
    pino({}, { write: () => {} }),
  );
  t.teardown(() => reloader.stop());
  const reading = (realm: string) => async () => ({ ...(await read(`realm = "${realm}"`)), files: [] });

  outcomes.push(reading("one"), reading("two"));
  const one = reloader.reload();
  await new Promise((resolve) => setImmediate(resolve));
  t.strictSame(await Promise.all([one, reloader.reload(), reloader.reload(), reloader.reload()]), Array(4).fill(true));
  t.strictSame(realms, ["one", "two"], "all that came while one waited are one");
  t.equal(reads, 2);

  t.equal(await reloader.reload(), false, "a reader that throws");
  outcomes.push(reading("thrown"));
  t.equal(await reloader.reload(), false, "a configuration that cannot be taken");
  t.match(gateway.reloads.status(), {
    successful: false,
    problems: [{ text: /cannot be read/ }, { text: /no context/ }],
  });
  outcomes.push(reading("three"));
  t.equal(await reloader.reload(), true);
  t.match(gateway.reloads.status(), { successful: true, problems: [] });
  t.strictSame(realms, ["one", "two", "three"]);

  outcomes.push(async () => ({ ...first, prepared: undefined, problems: [{ severity: "error", text: "broken" }] }));
  await reloader.reload();
  t.equal(gateway.reloads.status().last?.kind, "configuration", "another text than the one that runs is to blame");
  const running = await read('realm = "three"');
  outcomes.push(async () => ({ ...running, prepared: undefined, problems: [{ severity: "error", text: "broken" }] }));
  await reloader.reload();
  t.equal(gateway.reloads.status().last?.kind, "files", "the same text, so one of its files is");
  reloader.stop();
  outcomes.push(reading("four"));
  t.equal(await reloader.reload(), false, "not after the stop");
  t.strictSame(realms, ["one", "two", "three"]);
});
