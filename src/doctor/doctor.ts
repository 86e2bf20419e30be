import type { Facts } from "./facts.ts";
import { areas, isFinding, type Result } from "./finding.ts";
import { judgeCertificate, judgeConfiguration } from "./judge-certificate.ts";
import { judgeGateway } from "./judge-gateway.ts";
import { judgeInfluxdb } from "./judge-influxdb.ts";
import { judgeKapacitor } from "./judge-kapacitor.ts";
import { judgePolicy } from "./judge-policy.ts";
import { judgeSettings } from "./judge-settings.ts";
import { judgeSubscriptions } from "./judge-subscriptions.ts";

/** Judges everything that was asked: what is in order and what is not, by area, the worst first. Asks nothing itself. */
export function diagnose(facts: Facts): readonly Result[] {
  const results = [
    ...judgeConfiguration(facts),
    ...judgeCertificate(facts),
    ...judgeGateway(facts),
    ...facts.kapacitors.flatMap((kapacitor) => [
      ...judgeKapacitor(facts, kapacitor),
      ...judgeSettings(facts, kapacitor),
    ]),
    ...judgeInfluxdb(facts),
    ...judgeSubscriptions(facts),
    ...facts.kapacitors.flatMap((kapacitor) => judgePolicy(facts, kapacitor)),
  ];
  return results.toSorted(
    (left, right) => areas.indexOf(left.area) - areas.indexOf(right.area) || rank(left) - rank(right),
  );
}

const ranks = { error: 1, warning: 2, note: 3 };

function rank(result: Result): number {
  return isFinding(result) ? ranks[result.severity] : 0;
}
