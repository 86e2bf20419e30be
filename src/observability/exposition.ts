import { Gauge, type MetricObjectWithValues, type MetricValue, Registry } from "@prometheus-io/client";

/** What a metric says of itself. */
export interface MetricInfo {
  readonly type: "counter" | "gauge" | "histogram";
  readonly labels: readonly string[];
  readonly help: string;
}

/** One line of the exposition. */
export interface Row {
  /** What stands behind the metric's name: `_bucket`, `_sum`, `_count` of a histogram. */
  readonly suffix?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** Metrics as Prometheus reads them. */
export interface Exposition {
  readonly contentType: string;
  /** Adds a metric whose rows are asked for with every scrape. */
  add(name: string, info: MetricInfo, rows: () => Iterable<Row>): void;
  text(): Promise<string>;
}

/** The text format by the library's registry, over numbers that are kept elsewhere. */
export function createExposition(): Exposition {
  const registry = new Registry();
  return {
    contentType: registry.contentType,
    add: (name, info, rows) => registry.registerMetric(new Kept(name, info, rows)),
    text: () => registry.metrics(),
  };
}

/**
 * A metric of the library that keeps nothing: the registry asks every kind of metric for its name, type and values by `get`, and takes
 * them as they are.
 */
class Kept extends Gauge<string> {
  readonly #name: string;
  readonly #info: MetricInfo;
  readonly #rows: () => Iterable<Row>;

  constructor(name: string, info: MetricInfo, rows: () => Iterable<Row>) {
    super({ name, help: info.help, labelNames: [...info.labels], registers: [] });
    this.#name = name;
    this.#info = info;
    this.#rows = rows;
  }

  override async get(): Promise<MetricObjectWithValues<MetricValue<string>>> {
    const { type, help } = this.#info;
    const values = Array.from(this.#rows(), ({ suffix = "", labels, value }) => ({
      metricName: this.#name + suffix,
      labels: { ...labels },
      value,
    }));
    return { name: this.#name, help, type, aggregator: "omit", collect: () => {}, values };
  }
}
