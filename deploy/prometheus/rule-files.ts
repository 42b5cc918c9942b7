/** The alerts as Prometheus reads them: a rule file, and the same as a PrometheusRule of its operator. */
import { stringify } from "yaml";
import { type Alert, alerts, runbook } from "./alerts.ts";

const head = "# Made from deploy/prometheus/alerts.ts by npm run generate; not to be edited.\n";
const layout = { lineWidth: 0 } as const;

/** @returns rule groups: pages and tickets */
function ruleGroups(those: readonly Alert[] = alerts) {
  return (["page", "ticket"] as const).map((severity) => ({
    name: `foyer-${severity}s`,
    rules: those
      .filter((alert) => alert.severity === severity)
      .map(({ name, expr, for: duration, summary }) => ({
        alert: name,
        expr,
        for: duration,
        labels: { severity },
        annotations: { summary, runbook: runbook(name) },
      })),
  }));
}

/** For Prometheus' `rule_files`. @param those other alerts than the project's own */
export function ruleFile(those?: readonly Alert[]): string {
  return head + stringify({ groups: ruleGroups(those) }, layout);
}

/** For the Prometheus operator. */
export function prometheusRule(): string {
  return (
    head +
    stringify(
      {
        apiVersion: "monitoring.coreos.com/v1",
        kind: "PrometheusRule",
        metadata: { name: "foyer" },
        spec: { groups: ruleGroups() },
      },
      layout,
    )
  );
}
