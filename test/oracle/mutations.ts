/** Pieces that mean something to the lexer, the parser or the policy. */
const pieces: readonly string[] = [
  ..."' \" ''' / // \\ \\' ( ) [ ] , . | @ : = == =~ !~ != ! - + * % < <= AND OR TRUE FALSE 0 07 08 1.5 .5 5. 10s 1ms 5µ 1w2".split(
    " ",
  ),
  ..."stream batch exec a x lambda: lambda var dbrp f( a.exec('x') .exec('x') .Exec('x') |alert() .fill(a) .fill |union(a)".split(
    " ",
  ),
  ...".opsGenie() .id('x') .all() |stats(1s) |log() |children() .as(a) .topic(a) .quiet() & # { } ; $ ~ ^ `".split(" "),
  ..."\n|\r|\t| |\u00a0|\u2028|\u0085|\u200b|\ufeff|\0|\u017f|\u00e9|\u{1f600}|// c\n|/ c\n|var x = |var a = ".split(
    "|",
  ),
];

/** Gives scripts that are nearly one of the seeds. */
export function createMutations(random: () => number, seeds: readonly string[]): () => string {
  const pick = (items: readonly string[]): string => items[Math.floor(random() * items.length)] ?? "";
  const below = (limit: number): number => Math.floor(random() * limit);
  const change = (script: string): string => {
    const at = below(script.length + 1);
    const [before, after] = [script.slice(0, at), script.slice(at)];
    switch (below(8)) {
      case 0:
        return before + after.slice(1 + below(4));
      case 1: {
        const other = pick(seeds);
        const from = below(other.length);
        return before + other.slice(from, from + below(30)) + after;
      }
      case 2:
        return `${script}\n${pick(seeds)}`;
      case 3:
        return before + pick(pieces) + after.slice(1);
      case 4: {
        // Between two tokens, where more of it stays what it was.
        const ends = [...script.matchAll(/[.|(),\n]/g)].map(({ index }) => index + below(2));
        const end = ends[below(ends.length)] ?? at;
        return script.slice(0, end) + pick(pieces) + script.slice(end);
      }
      default:
        return before + pick(pieces) + after;
    }
  };
  return () => {
    let script = pick(seeds);
    for (let left = 1 + below(4); left > 0; left--) script = change(script);
    return script.toWellFormed();
  };
}
