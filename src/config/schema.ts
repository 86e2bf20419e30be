/** The whole configuration file as one schema, its resolved type, and its sections for what walks over all keys. */
import { z } from "zod";
import { access, admin, alerts, api, http, influxdb, kapacitor, logging, tls, user } from "./keys.ts";

const section = <S extends z.ZodRawShape>(shape: S) => z.strictObject(shape, "must be a section").readonly();
const entries = <S extends z.ZodRawShape>(name: string, shape: S) =>
  z.array(section(shape), `must be written as [[${name}]]`).readonly();

/** The whole file. Its output keeps the names of the file: `config.http["bind-address"]`. */
export const schema = z
  .strictObject({
    http: section(http).prefault({}),
    tls: section(tls).prefault({}),
    user: entries("user", user).prefault([]),
    access: section(access).prefault({}),
    kapacitor: entries("kapacitor", kapacitor).prefault([{}]),
    alerts: section(alerts).prefault({}),
    api: section(api).prefault({}),
    influxdb: section(influxdb).prefault({}),
    admin: section(admin).prefault({}),
    logging: section(logging).prefault({}),
  })
  .readonly();

/**
 * The resolved configuration: durations are milliseconds, sizes bytes, secrets a Secret or undefined, CIDRs canonical,
 * paths absolute, hosts lower case. A password file has been read into the secret that it stands for.
 */
export type Config = z.output<typeof schema>;

/** A section, for what walks over all keys: the environment, the sample, the documentation. */
export interface Section {
  readonly name: keyof Config;
  /** Whether it is written `[[name]]`, once per entry. */
  readonly repeated: boolean;
  readonly doc: string;
  readonly keys: Readonly<Record<string, z.core.$ZodType>>;
}

/** The sections in the order of the sample and the documentation. */
export const sections: readonly Section[] = [
  one("http", http, "The listener for clients, its users and its limits."),
  one("tls", tls, "HTTPS of that listener. Only HTTP/1.1 is negotiated."),
  many("user", user, "A user; one section for each."),
  one("access", access, "Which clients are let in, by address."),
  many(
    "kapacitor",
    kapacitor,
    "A Kapacitor; one section for each instance. Without any there is one with these defaults.",
  ),
  one("alerts", alerts, "What alerts may do. The same keys inside a [[kapacitor]] replace these for it."),
  one(
    "api",
    api,
    "Guards of powerful routes: allow follows the roles, admin asks for an admin, deny closes the route.",
  ),
  one("influxdb", influxdb, "InfluxDB, for subscription tokens, `kapgate doctor` and InfluxDB's users."),
  one("admin", admin, "The listener for operators: metrics, health and status over plain HTTP."),
  one("logging", logging, "The log of the gateway."),
];

function one(name: keyof Config, keys: Section["keys"], doc: string): Section {
  return { name, repeated: false, keys, doc };
}

function many(name: keyof Config, keys: Section["keys"], doc: string): Section {
  return { name, repeated: true, keys, doc };
}
