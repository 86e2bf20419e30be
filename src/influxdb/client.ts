import { Pool } from "undici";

/** How to reach an InfluxDB 1.x and as whom. */
export interface InfluxOptions {
  /** Origin: scheme, host, port. */
  readonly url: string;
  readonly username: string;
  readonly password: string;
  /** PEM of the authorities that may sign its certificate; undefined: the system's. */
  readonly ca: string | undefined;
  readonly insecureSkipVerify: boolean;
}

/** A user name and a password, sent as basic authentication. */
export interface InfluxLogin {
  readonly user: string;
  readonly password: string;
}

/** One table of an answer. */
export interface Series {
  readonly name: string;
  /** By which the rows are grouped; `SHOW STATS` has some. */
  readonly tags: Readonly<Record<string, string>>;
  readonly columns: readonly string[];
  readonly values: readonly (readonly unknown[])[];
}

export type InfluxAnswer =
  | { readonly kind: "ok"; readonly series: readonly Series[] }
  /** 401: the credentials are wrong, or there are none and InfluxDB asks for some. */
  | { readonly kind: "unauthorized" }
  /** 403, or an error that the statement itself met, in InfluxDB's words. */
  | { readonly kind: "refused"; readonly text: string }
  /** No answer, or one that cannot be read. */
  | { readonly kind: "unavailable"; readonly cause: string };

export interface InfluxClient {
  /** Runs one InfluxQL statement as the configured user, as `login`, or as nobody. Never rejects; bounded in time and size. */
  query(statement: string, as?: InfluxLogin | "nobody"): Promise<InfluxAnswer>;
  /** Takes no more questions; resolves when those under way are answered. */
  close(): Promise<void>;
  /** Cuts every connection; questions under way are unanswered. */
  destroy(): void;
}

/** For an answer as a whole, the wait for a free connection included. */
const timeoutMs = 5000;
/** Characters of an error that are kept: it goes into the log with every request that meets it. */
const longestError = 300;
/** Bytes; the subscriptions or grants of a very large InfluxDB. */
const largestAnswer = 16_777_216;

/** Makes a client; it connects when it is asked and keeps few connections. */
export function createInfluxClient(options: InfluxOptions): InfluxClient {
  const pool = new Pool(options.url, {
    connections: 4,
    maxResponseSize: largestAnswer,
    connect: {
      timeout: timeoutMs,
      rejectUnauthorized: !options.insecureSkipVerify,
      ...(options.ca === undefined ? {} : { ca: options.ca }),
    },
  });
  const configured = options.username === "" ? undefined : { user: options.username, password: options.password };

  return {
    query: async (statement, as = configured) => {
      const login = as === "nobody" ? undefined : as;
      try {
        const answer = await pool.request({
          method: "POST",
          path: `/query?q=${encodeURIComponent(statement)}`,
          signal: AbortSignal.timeout(timeoutMs),
          headers: {
            accept: "application/json",
            ...(login === undefined ? {} : { authorization: basic(login) }),
          },
        });
        const text = await answer.body.text();
        if (answer.statusCode === 401) return { kind: "unauthorized" };
        if (answer.statusCode === 403) return { kind: "refused", text: errorOf(text) };
        if (answer.statusCode !== 200) return { kind: "unavailable", cause: `status ${answer.statusCode}` };
        return readAnswer(text);
      } catch (error) {
        return { kind: "unavailable", cause: error instanceof Error ? error.message : String(error) };
      }
    },
    close: () => pool.close(),
    destroy: () => void pool.destroy(),
  };
}

/** An identifier of InfluxQL in quotes (influxql/scanner.go: escapes for quote, backslash and newline). */
export function quoteIdentifier(name: string): string {
  return `"${name.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n")}"`;
}

function basic({ user, password }: InfluxLogin): string {
  return `Basic ${Buffer.from(`${user}:${password}`, "utf8").toString("base64")}`;
}

/** Reads `{"results":[{"series":[…]}]}`. What does not look like it is no answer: nobody is let in by a page of something else. */
function readAnswer(text: string): InfluxAnswer {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return { kind: "unavailable", cause: "the answer is not JSON" };
  }
  const results = member(parsed, "results");
  if (!Array.isArray(results) || results.length !== 1)
    return { kind: "unavailable", cause: "the answer has no result" };
  const error = member(results[0], "error");
  if (error !== undefined) return { kind: "refused", text: String(error).slice(0, longestError) };
  const series = member(results[0], "series") ?? [];
  if (!Array.isArray(series) || !series.every(isSeries))
    return { kind: "unavailable", cause: "the answer is no table" };
  return {
    kind: "ok",
    series: series.map(({ name = "", tags = {}, columns, values = [] }) => ({ name, tags, columns, values })),
  };
}

interface RawSeries {
  readonly name?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly columns: readonly string[];
  readonly values?: readonly (readonly unknown[])[];
}

function isSeries(value: unknown): value is RawSeries {
  const columns = member(value, "columns");
  const values = member(value, "values") ?? [];
  const name = member(value, "name") ?? "";
  const tags = member(value, "tags") ?? {};
  return (
    Array.isArray(columns) &&
    columns.every((column) => typeof column === "string") &&
    Array.isArray(values) &&
    values.every(Array.isArray) &&
    typeof name === "string" &&
    typeof tags === "object" &&
    Object.values(tags).every((tag) => typeof tag === "string")
  );
}

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}

function errorOf(text: string): string {
  try {
    return String(member(JSON.parse(text), "error") ?? "refused").slice(0, longestError);
  } catch {
    return "refused";
  }
}

/** The rows of a table as objects by column. */
export function rowsOf(series: Series): Readonly<Record<string, unknown>>[] {
  return series.values.map((row) => Object.fromEntries(series.columns.map((column, index) => [column, row[index]])));
}
