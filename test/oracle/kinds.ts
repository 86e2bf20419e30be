import type { HandlerKindName } from "../../src/core/alert-handlers.ts";
import type { Peer } from "./peer.ts";

/** How a handler of each kind is made: what stands behind an alert node, and the options of a topic handler. */
export function handlersOf({
  root,
  sinks,
}: Peer): Readonly<Record<HandlerKindName, { readonly script?: string; readonly options?: object }>> {
  const logs = `${root}/var/log`;
  return {
    aggregate: { options: { interval: 1_000_000, topic: "elsewhere" } },
    publish: { options: { topics: ["elsewhere"] } },
    alerta: { script: ".alerta()", options: {} },
    bigpanda: { script: ".bigPanda()", options: {} },
    discord: { script: ".discord()", options: {} },
    exec: { script: ".exec('x', 'y')", options: { prog: "x", args: ["y"] } },
    hipchat: { script: ".hipChat()", options: {} },
    kafka: { script: ".kafka().cluster('default').kafkaTopic('t')", options: { cluster: "default", topic: "t" } },
    log: { script: `.log('${logs}/script')`, options: { path: `${logs}/topic` } },
    mqtt: { script: ".mqtt('t')", options: { topic: "t" } },
    opsgenie: { script: ".opsGenie()", options: {} },
    opsgenie2: { script: ".opsGenie2()", options: {} },
    pagerduty: { script: ".pagerDuty()", options: {} },
    pagerduty2: { script: ".pagerDuty2()", options: {} },
    post: { script: `.post('${sinks.url("post")}')`, options: { url: sinks.url("post") } },
    pushover: { script: ".pushover()", options: {} },
    sensu: { script: ".sensu()", options: {} },
    servicenow: { script: ".serviceNow()", options: {} },
    slack: { script: ".slack()", options: {} },
    smtp: { script: ".email('c@example.com')", options: {} },
    snmptrap: { script: ".snmpTrap('1.3.6.1').data('1.3.6.1.1', 's', 'x')", options: { "trap-oid": "1.3.6.1" } },
    talk: { script: ".talk()", options: {} },
    tcp: { script: `.tcp('${sinks.address("tcp")}')`, options: { address: sinks.address("tcp") } },
    teams: { script: ".teams()", options: {} },
    telegram: { script: ".telegram()", options: {} },
    victorops: { script: ".victorOps()", options: {} },
    zenoss: { script: ".zenoss()" },
  };
}
