import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import t from "tap";
import { commands } from "../src/commands/catalogue.ts";
import { loadConfig } from "../src/config/load.ts";
import { reasons, statusOf } from "../src/errors.ts";
import type { HandshakeCause } from "../src/server/handshake-failures.ts";
import { routesPage } from "./routes-page.ts";

const root = join(import.meta.dirname, "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const pages = [
  ...readdirSync(root).filter((name) => name.endsWith(".md")),
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
  "certs/README.md",
];

/** The fenced blocks of a page in one language, each with the heading above it. */
function blocksOf(page: string, language: string): readonly { readonly heading: string; readonly text: string }[] {
  const blocks: { heading: string; text: string }[] = [];
  let heading = "";
  for (const part of read(page).matchAll(/^#+ (.+)$|^```(\S*)\n([\s\S]*?)^```$/gm)) {
    if (part[1] !== undefined) heading = part[1];
    else if (part[2] === language) blocks.push({ heading, text: part[3] ?? "" });
  }
  return blocks;
}

t.test("every configuration in the README loads as it stands", async (t) => {
  const blocks = blocksOf("README.md", "toml");
  t.ok(blocks.length >= 4, "one for each use");
  for (const { heading, text } of blocks) {
    const folder = t.testdir({});
    for (const [, file = ""] of text.matchAll(
      /^\s*(?:https-certificate|https-private-key|ssl-ca|\S+-file) = "([^"]+)"/gm,
    )) {
      mkdirSync(join(folder, dirname(file)), { recursive: true });
      writeFileSync(join(folder, file), "a file that is read later\n", { mode: 0o600 });
    }
    writeFileSync(join(folder, "kapgate.toml"), text, { mode: 0o600 });
    const { config, problems } = loadConfig({
      flags: { config: join(folder, "kapgate.toml") },
      environment: {},
      workingDirectory: folder,
    });
    t.ok(config, `${heading}: ${JSON.stringify(problems)}`);
    t.strictSame(
      problems.filter(({ key }) => key !== undefined && !key.includes("password")),
      [],
      `${heading}: without a warning`,
    );
  }
});

t.test("every link inside the repository leads to a file", async (t) => {
  for (const page of pages) {
    for (const [, target = ""] of read(page).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (/^https?:/.test(target)) continue;
      t.ok(statSync(join(root, dirname(page), target), { throwIfNoEntry: false }), `${page}: ${target}`);
    }
  }
});

t.test("no page names a command that there is not", async (t) => {
  // The reference of the configuration has the keys of later commands as well; using one is an error that says so.
  const reference = "docs/configuration.md";
  const names = new Set([...commands.map(({ name }) => name), "help"]);
  for (const page of pages.filter((name) => name !== reference)) {
    const shell = blocksOf(page, "sh")
      .map(({ text }) => text)
      .join("\n");
    const inline = [...read(page).matchAll(/`(kapgate [^`\n]+)`/g)].map(([, text]) => text).join("\n");
    for (const [, name = ""] of `${shell}\n${inline}`.matchAll(/^\s*kapgate ([a-z][a-z-]*)/gm)) {
      t.ok(names.has(name), `${page}: kapgate ${name}`);
    }
  }
});

t.test("docs/errors.md has every reason with its status, in the order of the catalogue, and no other", async (t) => {
  const connectionLevel = {
    tls_plain_http: true,
    tls_client_rejected_certificate: true,
    tls_no_shared_version: true,
    handshake_timeout: true,
    tls_other: true,
  } as const satisfies Record<HandshakeCause, true>;
  const sections = read("docs/errors.md").split(/^### /m).slice(1);
  t.strictSame(
    sections.map((section) => section.split("\n", 1)[0]),
    [
      ...reasons.map((reason) => `\`${reason}\`, ${statusOf(reason)}`),
      ...Object.keys(connectionLevel).map((cause) => `\`${cause}\``),
    ],
  );
  for (const section of sections) {
    t.match(
      section,
      /^.+\n\n[^\n]{20,}\n\nWhat to do: [^\n]{8,}\n/,
      `${section.split("\n", 1)[0]}: what happened, what to do`,
    );
  }
});

t.test("docs/routes.md is the table of the core: node test/routes-page.ts writes it", async (t) => {
  const { committed, expected } = routesPage();
  t.equal(committed, expected);
});
