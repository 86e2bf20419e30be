import { isDeepStrictEqual } from "node:util";
import { createInfluxClient, type InfluxOptions } from "./client.ts";
import { createDirectory, type Directory } from "./directory.ts";
import { createSubscriptionTokens, type SubscriptionTokens } from "./subscriptions.ts";

/** How to reach InfluxDB and what for; times in milliseconds. */
export interface InfluxSettings extends InfluxOptions {
  /** Its users may log in. */
  readonly users: boolean;
  readonly expirationMs: number;
  readonly pollMs: number;
}

/** An InfluxDB in use. */
export interface Influx {
  readonly settings: InfluxSettings;
  /** undefined: its users may not log in. */
  readonly directory: Directory | undefined;
  readonly tokens: SubscriptionTokens;
}

/** The InfluxDB of the running configuration. */
export interface InfluxHolder {
  /** The one for these settings. What it remembers outlives a reload that does not change them; otherwise it ends with its last question. */
  use(settings: InfluxSettings | undefined): Influx | undefined;
  /** Cuts every connection. */
  close(): void;
}

/** @param onChange told when the list of subscriptions can no longer be had, and why, and with undefined when it can be had again */
export function createInfluxHolder(onChange: (cause: string | undefined) => void): InfluxHolder {
  let current: (Influx & { readonly retire: () => void; readonly close: () => void }) | undefined;

  const open = (settings: InfluxSettings): NonNullable<typeof current> => {
    const client = createInfluxClient(settings);
    const { users, expirationMs, pollMs } = settings;
    let last: string | undefined;
    const onPoll = (cause: string | undefined): void => {
      if (cause !== last) onChange(cause);
      last = cause;
    };
    const tokens = createSubscriptionTokens(client, { pollMs, onPoll });
    return {
      settings,
      directory: users ? createDirectory(client, { expirationMs }) : undefined,
      tokens,
      retire: () => {
        tokens.stop();
        void client.close();
      },
      close: () => {
        tokens.stop();
        client.destroy();
      },
    };
  };

  return {
    use: (settings) => {
      if (isDeepStrictEqual(current?.settings, settings)) return current;
      current?.retire();
      current = settings === undefined ? undefined : open(settings);
      return current;
    },
    close: () => {
      current?.close();
      current = undefined;
    },
  };
}
