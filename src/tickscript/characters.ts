/**
 * Character classes as Kapacitor sees them: Go's unicode package.
 *
 * Compared code point by code point, U+0000 to U+10FFFF, Go 1.19 (Unicode 13) against Node 26 (Unicode 17): the spaces are equal, and no
 * letter or digit of Go is missing here; 14431 letters and 120 digits are known only here. That direction is harmless. Two lexers that agree on
 * every other code point agree on everything before such a character, and there the older one refuses the whole script.
 */

/** Go's unicode.IsSpace. JavaScript's `\s` is another set: it lacks U+0085 and has U+FEFF. */
export function isSpace(code: number): boolean {
  if (code < 0x80) return code === 0x20 || (code >= 0x09 && code <= 0x0d);
  return (
    code === 0x85 ||
    code === 0xa0 ||
    code === 0x1680 ||
    (code >= 0x2000 && code <= 0x200a) ||
    code === 0x2028 ||
    code === 0x2029 ||
    code === 0x202f ||
    code === 0x205f ||
    code === 0x3000
  );
}

/** Go's unicode.IsLetter: category L. */
export function isLetter(code: number): boolean {
  if (code < 0x80) return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a);
  return /^\p{L}$/u.test(String.fromCodePoint(code));
}

/** Go's unicode.IsDigit: category Nd, so an Arabic or fullwidth digit is one, too (and no number literal with it is valid). */
export function isDigit(code: number): boolean {
  if (code < 0x80) return code >= 0x30 && code <= 0x39;
  return /^\p{Nd}$/u.test(String.fromCodePoint(code));
}

/**
 * The Go method or field that Kapacitor looks up for a name in a script (capitalizeFirst in tick/eval.go): the first rune in upper case, the rest
 * as written. `exec` and `Exec` are one method, and so are `slack` and `ſlack` (U+017F); `K` (Kelvin) stays what it is.
 */
export function methodName(name: string): string {
  const [first = "\uFFFD"] = name;
  return upperCase(first) + name.slice(first.length);
}

/**
 * Go's unicode.ToUpper, one rune to one rune. toUpperCase() expands some letters (ß to SS): those keep their form, save the Greek ones with an iota
 * subscript, whose simple capital stands 8 or 9 places further on.
 */
function upperCase(letter: string): string {
  const upper = letter.toUpperCase();
  if ([...upper].length === 1) return upper;
  if (/[\u1F80-\u1F87\u1F90-\u1F97\u1FA0-\u1FA7]/.test(letter)) return String.fromCharCode(letter.charCodeAt(0) + 8);
  if (/[\u1FB3\u1FC3\u1FF3]/.test(letter)) return String.fromCharCode(letter.charCodeAt(0) + 9);
  return letter;
}
