import { Buffer } from "node:buffer";

/** Numbers from 0 to 1 that a seed determines (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

type Line = (id: number, random: () => number) => string;

const good: Line = (id) =>
  `cpu,host=h${id % 7},region=eu usage=${id}.5,id=${id}i ${1_434_990_000_000_000_000n + BigInt(id)}`;

/** Lines that Kapacitor takes, each under a number of its own, with what could reach into the next one. */
const strange: readonly Line[] = [
  (id) => `bare value=${id}`,
  (id) => `text message="it is ${id}, or so = \\"they\\" say" ${id}`,
  (id) => `text message="two\nlines ${id}",n=1i ${id}`,
  (id) => `text message="ends in a backslash ${id}\\\\" ${id}`,
  (id) => `text a="x",b="y${id}",c="" ${id}`,
  (id) => `tag,name="quoted v=${id} ${id}`,
  (id) => `tag,na\\ me=with\\ space,b=c\\,d v=${id} ${id}`,
  (id) => `"measure" v=${id} ${id}`,
  (id) => `esc\\,aped v=${id} ${id}`,
  (id) => `nul,t=\0 v=${id} ${id}`,
  (id) => `bytes,t=\xff\xfe v="\x80\xc3${id}" ${id}`,
  (id) => `# a comment ${id}`,
  (id) => `# a comment that ends in a backslash ${id}\\`,
  (id) => `# it is ="open ${id}`,
  (id) => `# an "open comment" = "${id}`,
  (id) => `   indented v=${id} ${id}`,
  (id) => `\t# indented comment ${id}`,
  () => "",
  () => "   ",
  (id) => `flag v=t,w=FALSE,x=${id}i ${id}`,
  (id) => `minus v=-${id}.5e3 -${id}`,
  (id, random) => `long v="${"x".repeat(Math.floor(random() * 9000))}${id}" ${id}`,
];

/** Lines that Kapacitor refuses, or that it only takes together with the next. */
const bad: readonly Line[] = [
  (id) => `text message="open ${id}`,
  (id) => `text message="open ${id} # not a comment\nnext value=1`,
  (id) => `cut v=${id}\\`,
  (id) => `cut v=${id} ${id}\\`,
  (id) => `cut v="${id}\\`,
  (id) => `cut,t=${id}\\\\ v=1 ${id}`,
  (id) => `unreadable v\\\\="${id}=y" ${id}`,
  (id) => `nul v=${id}\0 ${id}`,
  (id) => `bad${id}`,
  (id) => `bad v= ${id}`,
  (id) => `bad v=no${id}`,
  (id) => `,bad v=${id}`,
  (id) => `bad,t v=${id}`,
  (id) => `bad v=1 ${id}x`,
  (id) => `bad v=${id} 99999999999999999999`,
  (id) => `dup,a=1,a=2 v=${id}`,
  (id) => `bad v="a" "b${id}`,
  (id) => `${"k".repeat(65_600)} v=${id} ${id}`,
];

/** Lines of bodies that are too large to be read whole. */
const huge: readonly Line[] = [
  (id) => `huge v="${"y".repeat(70_000)}${id}" ${id}`,
  (id) => `huge v="${"z".repeat(70_000)}${id}`,
];

/**
 * Makes bodies of line protocol, most of them such as a writer sends, many with something in them that could reach into the next body. No two
 * points of the same generator are alike.
 */
export function createBodies(random: () => number): () => Buffer {
  let id = 0;
  const pick = <T>(list: readonly T[]): T => {
    const picked = list[Math.floor(random() * list.length)];
    if (picked === undefined) throw new Error("nothing to pick from");
    return picked;
  };
  const line = (): string => {
    id += 1;
    const chance = random();
    if (chance < 0.6) return good(id, random);
    // A refused body has its whole group repeated, which would hide what joining did to it: few.
    return pick(chance < 0.985 ? strange : chance < 0.999 ? bad : huge)(id, random);
  };
  return () => {
    const lines = Array.from({ length: random() < 0.5 ? 1 : Math.floor(random() * 6) }, line);
    const end = pick(["\n", "\n", "\n", "\r\n"]);
    return Buffer.from(lines.join(end) + pick([end, end, "", "\n\n", " "]), "latin1");
  };
}
