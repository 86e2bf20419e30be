import { validateHeaderName, validateHeaderValue } from "node:http";
import type { WriteAnswerHead } from "../upstream/writes-carrier.ts";

/**
 * The head of an answer without a body, as node's HTTP server would write it, up to what it says of the connection; with the date, and the
 * gateway's Request-Id where Kapacitor's belongs to nobody.
 * @throws TypeError for what is not valid in a head
 */
export function noContentHead(head: WriteAnswerHead, requestId: string): string {
  head.text ??= textOf(head);
  return head.shared || head.requestId === undefined ? `${head.text}Request-Id: ${requestId}\r\n` : head.text;
}

function textOf({ status, headers }: WriteAnswerHead): string {
  let text = `HTTP/1.1 ${status} No Content\r\n`;
  let isDated = false;
  for (let at = 0; at < headers.length; at += 2) {
    const [name = "", value = ""] = [headers[at], headers[at + 1]];
    validateHeaderName(name);
    validateHeaderValue(name, value);
    isDated ||= name.toLowerCase() === "date";
    text += `${name}: ${value}\r\n`;
  }
  return isDated ? text : `${text}Date: ${new Date().toUTCString()}\r\n`;
}

let lastMs = -1;
let lastLines = "";

/** What an answer says of a connection that stays open. @param idleMs how long; 0: for ever */
export function keepAliveLines(idleMs: number): string {
  if (idleMs !== lastMs) {
    lastMs = idleMs;
    const timeout = idleMs === 0 ? "" : `Keep-Alive: timeout=${Math.floor(idleMs / 1000)}\r\n`;
    lastLines = `Connection: keep-alive\r\n${timeout}`;
  }
  return lastLines;
}
