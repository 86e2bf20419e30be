import t from "tap";
import { parseFlags } from "../../src/commands/flags.ts";

const spec = { hosts: "string", dir: "string", json: "boolean", header: "list" } as const;

t.test("what is read", async (t) => {
  const rows: readonly (readonly [argv: string, values: object, positionals?: readonly string[]])[] = [
    ["", {}],
    ["-hosts a,b", { hosts: "a,b" }],
    ["--hosts a,b", { hosts: "a,b" }],
    ["-hosts=a,b", { hosts: "a,b" }],
    ["--hosts=a=b", { hosts: "a=b" }],
    ["-hosts=", { hosts: "" }],
    ["-json", { json: true }],
    ["--json=true", { json: true }],
    ["-json=false", { json: false }],
    ["-json x", { json: true }, ["x"]],
    ["x -hosts a y", { hosts: "a" }, ["x", "y"]],
    ["-hosts a -- -dir b", { hosts: "a" }, ["-dir", "b"]],
    ["-", {}, ["-"]],
    ["-hosts -", { hosts: "-" }],
    ["-hosts -1.example", { hosts: "-1.example" }],
    ["-header A:1 -header=B:2", { header: ["A:1", "B:2"] }],
  ];
  for (const [argv, values, positionals = []] of rows) {
    const parsed = parseFlags(argv.split(" ").filter(Boolean), spec);
    t.strictSame(parsed, { ok: true, values, positionals }, argv === "" ? "nothing" : argv);
  }
  t.strictSame(parseFlags(["-hosts", "a\nb"], spec), { ok: true, values: { hosts: "a\nb" }, positionals: [] });
  t.strictSame(parseFlags(["-hosts=a\nb"], spec), { ok: true, values: { hosts: "a\nb" }, positionals: [] });
});

t.test("what is refused", async (t) => {
  const rows: readonly (readonly [argv: string, text: string])[] = [
    ["-host a", "there is no flag -host; did you mean -hosts?"],
    ["--jsn", "there is no flag -jsn; did you mean -json?"],
    ["-frobnicate=1", "there is no flag -frobnicate; there are -hosts, -dir, -json, -header"],
    ["-constructor", "there is no flag -constructor; there are -hosts, -dir, -json, -header"],
    ["-hosts", "-hosts needs a value"],
    ["-hosts -dir x", "-hosts needs a value"],
    ["-header --json", "-header needs a value"],
    ["-json=yes", "-json takes no value, or =true or =false"],
    ["-hosts a --hosts b", "-hosts is given twice"],
    ["-json -json=false", "-json is given twice"],
  ];
  for (const [argv, text] of rows) t.strictSame(parseFlags(argv.split(" "), spec), { ok: false, text }, argv);
  t.strictSame(parseFlags(["-x"], {}), { ok: false, text: "there is no flag -x; it takes none" });
});
