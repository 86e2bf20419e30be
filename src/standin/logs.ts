import type { ServerResponse } from "node:http";
import { type Answer, type Call, failure } from "./answer.ts";

/** The open streams of `/kapacitor/v1preview/logs`. */
export class LogStreams {
  readonly #open = new Set<ServerResponse>();

  /** Like Kapacitor's: answers without end, and sends no header before the first line is there. */
  answer(call: Call): Answer {
    for (const values of call.query.values()) {
      if (values.length !== 1) return failure(400, "query params cannot contain duplicate params");
    }
    const type = call.headers.accept === "application/json" ? "application/json" : "application/logfmt";
    return {
      kind: "stream",
      open: (response) => {
        response.setHeader("Content-Type", type);
        this.#open.add(response);
        response.once("close", () => this.#open.delete(response));
      },
    };
  }

  /** How many clients follow the log. */
  get size(): number {
    return this.#open.size;
  }

  /** Sends one line, to which a line feed is added, to everyone who follows the log. */
  emit(line: string): void {
    for (const response of this.#open) response.write(`${line}\n`);
  }
}
