/**
 * A text that others chose, for a terminal: control, format and bidirectional characters would steer it or turn what it shows around, so each is replaced.
 * Line ends stay when `lines` says so.
 */
export function printable(text: string, lines = false): string {
  return text.replace(lines ? /[^\P{C}\n]|[\p{Zl}\p{Zp}]/gu : /[\p{C}\p{Zl}\p{Zp}]/gu, "\uFFFD");
}
