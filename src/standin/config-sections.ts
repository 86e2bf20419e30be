/**
 * The sections that `config` shows and changes, with their options and defaults, as Kapacitor 1.5.4 to 1.8.3 have them.
 * One word an option: `name` is text, `?` a flag, `#` a number, `~` a duration, `[]` a list, `{}` a map, `*` a secret text
 * (shown as whether it is set), `*{}` a secret map, `=value` its default (lists and maps: nil or `empty`), `@release` since
 * when. Secrets are listed in the order of the words.
 */
import type { Plain } from "./go-json-shapes.ts";
import { isSince } from "./version.ts";

export type OptionType = "text" | "flag" | "number" | "duration" | "list" | "map";

export interface Option {
  readonly type: OptionType;
  readonly secret: boolean;
  readonly standard: Plain;
}

export interface Section {
  /** The option that names an element of a list; "" when the section is not a list. */
  readonly key: string;
  readonly options: ReadonlyMap<string, Option>;
  /** What the configuration file has: one element for an ordinary section, any number for a list. */
  readonly elements: readonly ReadonlyMap<string, Plain>[];
}

interface Declared {
  readonly options: string;
  readonly since?: string;
  readonly key?: string;
  readonly elements?: readonly Readonly<Record<string, Plain>>[];
}

const tls = "ssl-ca ssl-cert ssl-key insecure-skip-verify?";

const declared: Readonly<Record<string, Declared>> = {
  alerta: { options: "enabled? environment insecure-skip-verify? origin timeout~=0s token* token-prefix url" },
  azure: {
    key: "id",
    options: "client-id client-secret* enabled? id port#=80 refresh-interval~=5m0s subscription-id tenant-id",
  },
  bigpanda: {
    since: "1.5.8",
    options:
      "app-key auto-attributes@1.6.3 enabled? global? insecure-skip-verify? state-changes-only? token* url=https://api.bigpanda.io/data/v2/alerts",
  },
  consul: {
    key: "id",
    options: `address=127.0.0.1:8500 datacenter enabled? id scheme=http services[] ssl-server-name tag-separator=, token* password* username ${tls}`,
  },
  discord: {
    since: "1.5.6",
    key: "workspace",
    options: `avatar-url default? embed-title enabled? global? state-changes-only? timestamp? url username workspace ${tls}`,
    elements: [{ default: true }],
  },
  dns: { key: "id", options: "enabled? id port# record-names[] refresh-interval~=30s type=SRV" },
  ec2: {
    key: "id",
    options: "access-key enabled? id port#=80 profile refresh-interval~=1m0s region secret-key*",
  },
  "file-discovery": { key: "id", options: "enabled? files[] id refresh-interval~=5m0s" },
  gce: { key: "id", options: "enabled? filter id port#=80 project refresh-interval~=1m0s tag-separator=, zone" },
  hipchat: { options: "enabled? global? room state-changes-only? token* url" },
  httppost: {
    key: "endpoint",
    options: "alert-template alert-template-file basic-auth*{} endpoint headers{} row-template row-template-file url",
    elements: [{ endpoint: "example", url: "http://example.com" }],
  },
  influxdb: {
    key: "name",
    options: [
      "compression=gzip@1.5.8 default? disable-subscriptions? enabled? excluded-subscriptions{} http-port#",
      "http-shared-secret?@1.6.1 kapacitor-hostname name password* startup-timeout~=5m0s subscription-mode=cluster",
      "subscription-path@1.5.8 subscription-protocol=http subscriptions{} subscriptions-sync-interval~=1m0s timeout~=0s",
      `token*@1.6.1 udp-bind udp-buffer#=1000 udp-read-buffer# urls[] username ${tls}`,
    ].join(" "),
    elements: [
      {
        default: true,
        "excluded-subscriptions": new Map([["_kapacitor", ["autogen"]]]),
        name: "default",
        urls: ["http://127.0.0.1:8086"],
      },
    ],
  },
  kafka: {
    key: "id",
    options: `batch-size# batch-timeout~=0s brokers[] enabled? id timeout~=0s use-ssl? ${tls}`,
    elements: [{ id: "default" }],
  },
  kubernetes: { key: "id", options: "api-servers[] ca-path enabled? id in-cluster? namespace resource token*" },
  marathon: {
    key: "id",
    options: `bearer-token* enabled? id refresh-interval~=30s servers[] ssl-server-name timeout~=30s ${tls}`,
  },
  mqtt: {
    key: "name",
    options: `client-id default? enabled? name password* url username ${tls}`,
    elements: [{ name: "default" }],
  },
  nerve: { key: "id", options: "enabled? id paths[] servers[] timeout~=10s" },
  opsgenie: {
    options:
      "api-key* enabled? global? recipients[] recovery_url=https://api.opsgenie.com/v1/json/alert/note teams[] url=https://api.opsgenie.com/v1/json/alert",
  },
  opsgenie2: {
    options:
      "api-key* details?@1.5.8 enabled? global? recipients[] recovery_action=notes teams[] url=https://api.opsgenie.com/v2/alerts",
  },
  pagerduty: {
    options: "enabled? global? service-key* url=https://events.pagerduty.com/generic/2010-04-15/create_event.json",
  },
  pagerduty2: { options: "enabled? global? routing-key* url=https://events.pagerduty.com/v2/enqueue" },
  pushover: { options: "enabled? token* url=https://api.pushover.net/1/messages.json user-key*" },
  scraper: {
    key: "name",
    options: `blacklist[] db discoverer-id discoverer-service enabled? metrics-path=/metrics name params{} password* bearer-token* proxy-url{} rp scheme=http scrape-interval~=1m0s scrape-timeout~=10s ssl-server-name type=prometheus username ${tls}`,
  },
  sensu: { options: "addr enabled? handlers[] source=Kapacitor" },
  serverset: { key: "id", options: "enabled? id paths[] servers[] timeout~=10s" },
  servicenow: {
    since: "1.5.7",
    options:
      "enabled? global? password* source state-changes-only? url=https://instance.service-now.com/api/global/em/jsonv2 username",
  },
  slack: {
    key: "workspace",
    options: `channel default? enabled? global? icon-emoji state-changes-only? url* token*@1.6.1 username workspace ${tls}`,
    elements: [{ default: true, username: "kapacitor" }],
  },
  smtp: {
    options:
      "enabled? from global? host=localhost idle-timeout~=30s no-verify? password* port#=25 state-changes-only? to[] to-templates[]@1.6.3 username",
  },
  snmptrap: { options: "addr=localhost:162 community*=kapacitor enabled? retries#=1" },
  "static-discovery": { key: "id", options: "enabled? id labels{}=empty targets[]=empty" },
  swarm: { key: "id", options: `enabled? id servers[] ${tls}` },
  talk: { options: "author_name enabled? url*" },
  teams: { since: "1.5.6", options: "channel-url enabled? global? state-changes-only?" },
  telegram: {
    options:
      "chat-id disable-notification? disable-web-page-preview? enabled? global? parse-mode state-changes-only? token* url=https://api.telegram.org/bot",
  },
  triton: {
    key: "id",
    options: `account dns-suffix enabled? endpoint id port#=9163 refresh-interval~=1m0s ssl-server-name version#=1 ${tls}`,
  },
  victorops: {
    options:
      "api-key* enabled? global? json-data? routing-key url=https://alert.victorops.com/integrations/generic/20131114/alert",
  },
  zenoss: {
    since: "1.6.0",
    options:
      "action=EventsRouter collector=Kapacitor enabled? global? method=add_event password* severity-map{} state-changes-only? tid#=1 type=rpc url=https://tenant.zenoss.io:8080/zport/dmd/evconsole_router username",
  },
};

/** The sections of a release, by name. */
export function sectionsOf(version: string): ReadonlyMap<string, Section> {
  const present = Object.entries(declared).filter(([, { since = "0" }]) => isSince(version, since));
  return new Map(
    present.map(([name, { key = "", options, elements }]) => {
      const read = readOptions(options, version);
      const given = elements ?? (key === "" ? [{}] : []);
      return [name, { key, options: read, elements: given.map((element) => new Map(Object.entries(element))) }];
    }),
  );
}

const types: Readonly<Record<string, OptionType>> = {
  "?": "flag",
  "#": "number",
  "~": "duration",
  "[]": "list",
  "{}": "map",
  "": "text",
};

function readOptions(words: string, version: string): ReadonlyMap<string, Option> {
  const options = new Map<string, Option>();
  for (const word of words.split(" ")) {
    const [, name = "", star = "", mark = "", standard = "", since = "0"] =
      /^([\w-]+)(\*?)(\?|#|~|\[\]|\{\}|)(?:=(.*?))?(?:@([\d.]+))?$/.exec(word) ?? [];
    if (!isSince(version, since)) continue;
    const type = types[mark] ?? "text";
    options.set(name, { type, secret: star !== "", standard: standardValue(type, standard) });
  }
  return options;
}

function standardValue(type: OptionType, standard: string): Plain {
  if (type === "flag") return false;
  if (type === "number") return Number(standard);
  if (type === "text" || type === "duration") return standard;
  return standard === "empty" ? (type === "list" ? [] : new Map()) : null;
}
