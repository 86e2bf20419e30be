/** Names that operators bring along from Kapacitor, InfluxDB and older habits, and what to write here. */

const hints: Readonly<Record<string, string>> = {
  auth: "passwords are in [[user]] or http.username, InfluxDB's users in influxdb.users",
  hostname: "the address that InfluxDB is told stands in kapacitor.conf; the listener is http.bind-address",
  users: "users are written as [[user]]",
  kapacitors: "instances are written as [[kapacitor]]",
  upstream: "upstreams are written as [[kapacitor]]",
  log: "the section is [logging]",
  subscriber: "it belongs into influxdb.conf",
  "http.cert": "the key is https-certificate",
  "http.certificate": "the key is https-certificate",
  "http.key": "the key is https-private-key",
  "http.private-key": "the key is https-private-key",
  "http.https-cert": "the key is https-certificate",
  "http.https-key": "the key is https-private-key",
  "http.shared-secret": "tokens of Kapacitor Enterprise are not read",
  "http.pprof-enabled": "profiles are guarded by api.pprof",
  "http.password-hash": "password takes a hash as well",
  "http.blacklist-cidrs": "clients are denied by access.deny-cidrs, alert targets by alerts.deny-target-cidrs",
  "access.blacklist-cidrs": "clients are denied by access.deny-cidrs, alert targets by alerts.deny-target-cidrs",
  "alerts.blacklist-cidrs": "clients are denied by access.deny-cidrs, alert targets by alerts.deny-target-cidrs",
  "alerts.deny-cidrs": "alert targets are denied by deny-target-cidrs",
  "kapacitor.alerts": "the keys of [alerts] stand in the [[kapacitor]] itself",
  "kapacitor.urls": "url takes one URL; write a [[kapacitor]] for each instance",
  "kapacitor.ssl-cert": "client certificates towards Kapacitor are not supported",
  "kapacitor.ssl-key": "client certificates towards Kapacitor are not supported",
  "kapacitor.bind-address": "the key is url",
  "kapacitor.password-file": "a secret from a file comes by the environment: KAPGATE_KAPACITOR_0_PASSWORD_FILE",
  "influxdb.urls": "url takes one URL",
  "influxdb.ssl-cert": "client certificates towards InfluxDB are not supported",
  "influxdb.ssl-key": "client certificates towards InfluxDB are not supported",
  "user.username": "the key is name",
  "user.password": "passwords of [[user]] are kept as password-hash (kapgate hash-password) or in password-file",
  "user.hash": "the key is password-hash",
  "user.privileges": "the key is role",
  "tls.cipher-suites": "the key is ciphers",
};

/** What to say behind "unknown key" for a name that stands for something here; undefined for all others. */
export function hintFor(name: string): string | undefined {
  return Object.hasOwn(hints, name) ? `: ${hints[name]}` : undefined;
}
