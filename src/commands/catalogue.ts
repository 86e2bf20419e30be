import type { ProcessIo } from "./io.ts";

interface Command {
  readonly name: string;
  /** One line for the overview. */
  readonly summary: string;
  readonly synopsis: string;
  /** What it does, in full sentences, wrapped at 100 columns. */
  readonly text: string;
  /** Flags with their meaning. */
  readonly flags: readonly (readonly [flag: string, meaning: string])[];
  readonly example: string;
  /** What its exit codes mean, beyond those of every command. */
  readonly exit: string;
  readonly load: () => Promise<{ readonly run: (io: ProcessIo) => Promise<number> }>;
}

const configFlag = [
  "-config PATH",
  "the configuration file; else $KAPGATE_CONFIG, /etc/kapgate/kapgate.toml, ./kapgate.toml",
] as const;
const jsonFlag = ["-json", "print JSON for programs"] as const;

/** Every command, in the order of the overview. */
export const commands: readonly Command[] = [
  {
    name: "run",
    summary: "serve (also without a command)",
    synopsis: "kapgate run [FLAGS]",
    text: "Serves until SIGTERM or SIGINT, which drain; a second one ends at once. SIGHUP reads the configuration,\ncertificates and users again and reopens log files. A flag replaces environment and file.",
    flags: [
      configFlag,
      ["-bind-address ADDR", "where clients connect: host:port, :port, [::1]:port or fd:3"],
      ["-upstream URL", "the Kapacitor of the default instance"],
      ["-deny-cidrs LIST", "clients that are refused"],
      ["-deny-target-cidrs LIST", 'where no alert may be sent: CIDRs or "private"'],
      ["-blacklist-cidrs LIST", "both of these, as with kapacitord; its word private concerns targets only"],
      ["-disable-handlers LIST", "alert handlers that nobody may define"],
      ["-log-level LEVEL", "DEBUG, INFO, WARN or ERROR"],
      ["-log-file FILE", "STDERR, STDOUT or a path"],
      ["-pidfile FILE", "holds the process id while it runs"],
    ],
    example: "kapgate run -config /etc/kapgate/kapgate.toml",
    exit: "0 after a clean stop, 2 could not start (an address in use, a file that cannot be opened)",
    load: () => import("./run.ts"),
  },
  {
    name: "init",
    summary: "a configuration, a small CA, a certificate and an admin password to begin with",
    synopsis: "kapgate init [-hosts a,b] [-upstream URL] [-dir D]",
    text: "Writes kapgate.toml, a CA, a certificate with its key (0600), prints an admin password once, and then the\nlines for kapacitor.conf, influxdb.conf, Chronograf, Telegraf and the kapacitor CLI. Changes nothing that exists.",
    flags: [
      ["-hosts LIST", "names and addresses in the certificate, by comma; localhost is always there"],
      ["-upstream URL", "where Kapacitor listens; http://127.0.0.1:9092 unless told"],
      ["-dir D", "where kapgate.toml goes; certificates go to D/certs"],
    ],
    example: "kapgate init -hosts kapacitor.example.org",
    exit: "0 also when everything was there already",
    load: () => import("./init.ts"),
  },
  {
    name: "cert",
    summary: "make or renew the certificate",
    synopsis: "kapgate cert [-hosts a,b] [-dir D]",
    text: "Writes D/kapgate.pem (chain and key) and D/kapgate-ca.pem; renews under the same CA. SIGHUP makes a running\nkapgate take it.",
    flags: [
      ["-hosts LIST", "names and addresses in the certificate, by comma"],
      ["-dir D", "certs unless told"],
    ],
    example: "kapgate cert -hosts kapacitor.example.org,10.0.0.5",
    exit: "0",
    load: () => import("./cert.ts"),
  },
  {
    name: "config",
    summary: "print a commented sample, or what is in force",
    synopsis: "kapgate config [-effective] [-config PATH]",
    text: "Prints a complete configuration with every key, its meaning and its default. With -effective: flags,\nenvironment and file merged, secrets as [REDACTED].",
    flags: [["-effective", "the merged configuration instead of the sample"], configFlag],
    example: "kapgate config > kapgate.toml",
    exit: "0, 1 when what is in force is not valid",
    load: () => import("./config.ts"),
  },
  {
    name: "check",
    summary: "look for problems in configuration, certificates and users",
    synopsis: "kapgate check [-strict] [-json] [-config PATH]",
    text: "Prints every problem with file, line and key.",
    flags: [["-strict", "warnings count as well"], jsonFlag, configFlag],
    example: "kapgate check -strict",
    exit: "0 fine, 1 problems",
    load: () => import("./check.ts"),
  },
  {
    name: "explain",
    summary: "what would be decided about a script, a handler or a request, and why",
    synopsis:
      "kapgate explain [FLAGS] FILE...\nkapgate explain [FLAGS] -path P [-method M] [-host H] [-header 'K: V'] [-body FILE] [-client IP] [-user NAME]",
    text: "Judges as the gateway would and sends nothing but look-ups: .tick files, topic handlers and tasks of templates\n(.json, .yaml), or a whole request. Prints the decision, the reason, the place in the script, the key of the\nconfiguration that decided and the fix. What depends on what Kapacitor has stored is asked from it; when it does\nnot answer, what that is is named. For scripts -disable-handlers alone is configuration enough: a linter for CI.",
    flags: [
      ["-disable-handlers LIST", "alert handlers that are refused, in place of those of the configuration"],
      ["-deny-target-cidrs LIST", 'where no alert may be sent: CIDRs or "private"'],
      ["-blacklist-cidrs LIST", "clients and targets, as with kapacitord"],
      ["-instance NAME", "the instance; without it a file is judged for each of them"],
      ["-upstream URL", "the Kapacitor of the default instance"],
      ["-path PATH", "the target of a request, query included"],
      ["-method METHOD", "GET unless told; POST with -body"],
      ["-host HOST", "the Host header, which selects the instance"],
      ["-header 'NAME: VALUE'", "a header; may be given several times"],
      ["-body FILE", "the body"],
      ["-client IP", "the address it comes from; without it the lists of clients are not asked"],
      ["-user NAME", "who is logged in; any admin unless told"],
      jsonFlag,
      configFlag,
    ],
    example: "kapgate explain -disable-handlers exec,log tasks/*.tick",
    exit: "0 allowed, 3 refused or not known",
    load: () => import("./explain.ts"),
  },
  {
    name: "doctor",
    summary: "look at the whole chain: InfluxDB, subscriptions, certificate, listener, Kapacitor, policy",
    synopsis: "kapgate doctor [-instance I] [-json] [-config PATH]",
    text: "Connects to the running gateway, to each Kapacitor and, with [influxdb] set, to InfluxDB; says what is wrong, what\nfollows from it, and the commands and lines that put it right. Changes nothing. docs/doctor.md has every finding.",
    flags: [["-instance I", "this Kapacitor only"], jsonFlag, configFlag],
    example: "kapgate doctor",
    exit: "0 nothing to repair, 3 findings",
    load: () => import("./doctor.ts"),
  },
  {
    name: "audit",
    summary: "what Kapacitor has stored that the policy would refuse, and how to remove it",
    synopsis: "kapgate audit [-instance NAME] [-json] [FLAGS]",
    text: "Reads the tasks, templates, topic handlers, sections of the configuration and Flux tasks of each Kapacitor and judges\nthem as if they were defined now. Prints each finding with the command that removes it; what [alerts] accepted names\nis listed apart and counts nothing. Changes nothing. A running gateway does the same at its start and every hour.",
    flags: [
      ["-instance NAME", "this one only"],
      ["-upstream URL", "the Kapacitor of the default instance"],
      ["-disable-handlers LIST", "alert handlers that count, in place of those of the configuration"],
      ["-deny-target-cidrs LIST", 'where no alert may be sent: CIDRs or "private"'],
      jsonFlag,
      configFlag,
    ],
    example: "kapgate audit -instance production",
    exit: "0 nothing found, 3 findings, 2 a Kapacitor could not be read",
    load: () => import("./audit.ts"),
  },
  {
    name: "health",
    summary: "ask the running gateway whether it is alive, for containers",
    synopsis: "kapgate health [-config PATH]",
    text: "Asks /-/healthy of the admin listener that the configuration names.",
    flags: [configFlag],
    example: "kapgate health",
    exit: "0 healthy, 2 not",
    load: () => import("./health.ts"),
  },
  {
    name: "hash-password",
    summary: "turn a password into a hash for the configuration",
    synopsis: "kapgate hash-password",
    text: "Asks for the password twice without showing it, or reads the first line of standard input, and prints a bcrypt hash.",
    flags: [],
    example: "kapgate hash-password < password.txt",
    exit: "0",
    load: () => import("./hash-password.ts"),
  },
  {
    name: "demo",
    summary: "the product in one command",
    synopsis: "kapgate demo [-once] [-upstream URL]",
    text: "Starts a gateway with a throw-away CA, certificate and password in front of a stand-in Kapacitor, sends a dozen\nrequests through it and explains each answer; then serves for you to try until Ctrl-C.",
    flags: [
      ["-once", "end after the table"],
      ["-upstream URL", "a Kapacitor of yours in place of the stand-in"],
    ],
    example: "kapgate demo",
    exit: "0, 2 when an answer is not as expected or it could not start",
    load: () => import("./demo.ts"),
  },
  {
    name: "version",
    summary: "print the version",
    synopsis: "kapgate version",
    text: "Prints the version of kapgate and of the Node it runs on.",
    flags: [],
    example: "kapgate version",
    exit: "0",
    load: () => import("./version.ts"),
  },
];

/** The command of that name. */
export function findCommand(name: string): Command | undefined {
  return commands.find((command) => command.name === name);
}

const exitCodes = "Exit codes: 0 fine; 1 usage or configuration; 2 could not start or run; 3 findings.";

/** What `kapgate help` prints. */
export function overview(): string {
  const width = Math.max(...commands.map((command) => command.name.length)) + 2;
  const rows = commands.map(
    (command) => `  ${command.name.padEnd(width)}${command.summary}\n      ${" ".repeat(width - 4)}${command.example}`,
  );
  return `kapgate: HTTPS, authentication, CIDR rules and a handler policy in front of a Kapacitor

Usage: kapgate [COMMAND] [FLAGS]; one dash or two are the same.

${rows.join("\n")}
  ${"help".padEnd(width)}this page, or kapgate help COMMAND

${exitCodes}
To begin: kapgate demo, then kapgate init.
`;
}

/** What `kapgate help COMMAND` prints. */
export function helpFor(command: Command): string {
  const width = Math.max(0, ...command.flags.map(([flag]) => flag.length)) + 2;
  const flags = command.flags.map(([flag, meaning]) => `  ${flag.padEnd(width)}${meaning}\n`).join("");
  return `${command.synopsis}\n\n${command.text}\n${flags === "" ? "" : `\n${flags}`}\nExample: ${command.example}\nExit: ${command.exit}; 1 usage or configuration.\n`;
}
