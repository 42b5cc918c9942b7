/**
 * When somebody has to look. The rule files are made from this table (`npm run monitoring`), and each alert has a
 * section of its own in docs/runbook.md.
 *
 * `page` wakes somebody: attendees feel it, or soon will. `ticket` is for the next working hours.
 */

export interface Alert {
  name: string;
  severity: "page" | "ticket";
  /** PromQL; gives a series for each thing that is wrong. */
  expr: string;
  /** How long it has to hold. */
  for: string;
  /** One line for a phone; what varies comes from the series. */
  summary: string;
}

/** The share of commands over five minutes that a worker or store failed. */
const failedShare = [
  'sum(rate(foyer_gateway_commands_total{outcome=~"server[.].+"}[5m]))',
  "sum(rate(foyer_gateway_commands_total[5m]))",
].join("\n  / ");

const p99 = (histogram: string, window: string) =>
  `histogram_quantile(0.99, sum by (le) (rate(${histogram}_bucket[${window}])))`;

export const alerts: readonly Alert[] = [
  {
    name: "FoyerCanarySilent",
    severity: "page",
    // A gateway that has just started has not heard it yet.
    expr: "foyer_gateway_canary_age_seconds > 15\n  and on (instance) time() - process_start_time_seconds > 60",
    for: "0s",
    summary:
      "{{ $labels.instance }} has heard no canary for {{ $value | humanizeDuration }}: broadcasts may be lost",
  },
  {
    name: "FoyerSubscriptionLost",
    severity: "page",
    expr: "foyer_gateway_pubsub_connected == 0",
    for: "30s",
    summary: "{{ $labels.instance }} has no link for broadcasts: changes do not reach its attendees",
  },
  {
    name: "FoyerNoWorker",
    severity: "page",
    expr: "(sum(foyer_core_leader) or vector(0)) == 0",
    for: "30s",
    summary: "No worker leads: none runs, or none has Redis. Commands are not answered",
  },
  {
    name: "FoyerCommandsStuck",
    severity: "page",
    expr: "max(foyer_core_oldest_pending_seconds) > 10",
    for: "0s",
    summary: "A command has waited for {{ $value | humanizeDuration }}: attendees get server.timeout",
  },
  {
    name: "FoyerCommandsSlow",
    severity: "page",
    expr: `${p99("foyer_gateway_command_duration_seconds", "5m")} > 1`,
    for: "1m",
    summary: "One command in a hundred takes over {{ $value | humanizeDuration }}",
  },
  {
    name: "FoyerErrors",
    severity: "page",
    expr: `${failedShare}\n  > 0.01`,
    for: "1m",
    summary: "{{ $value | humanizePercentage }} of all commands fail by the server's fault",
  },
  {
    name: "FoyerBansSlow",
    severity: "page",
    expr: `${p99("foyer_core_ban_enforcement_seconds", "10m")} > 1`,
    for: "0s",
    summary: "A ban takes {{ $value | humanizeDuration }} until every gateway enforces it",
  },
  {
    name: "FoyerDeadLetter",
    severity: "page",
    expr: "sum(increase(foyer_core_dead_letters_total[10m])) > 0",
    for: "0s",
    summary: "An entry was given up after five deliveries: its commands were never run",
  },
  {
    name: "FoyerGatewayNearlyFull",
    severity: "ticket",
    expr: "sum by (instance) (foyer_gateway_connections)\n  > 0.8 * sum by (instance) (foyer_gateway_connections_limit > 0)",
    for: "2m",
    summary: "{{ $labels.instance }} holds {{ $value }} connections, over 80 % of what it may",
  },
  {
    name: "FoyerDisconnects",
    severity: "ticket",
    expr: [
      'sum(increase(foyer_gateway_connections_closed_total{reason=~"lost|slow|fatal|policy|unacceptable|tooBig"}[5m]))',
      "> 0.1 * sum(foyer_gateway_connections) + 20",
    ].join("\n  "),
    for: "5m",
    summary: "{{ $value }} connections were lost within five minutes",
  },
  {
    name: "FoyerFailedLogins",
    severity: "ticket",
    expr: [
      'sum(rate(foyer_gateway_authentications_total{outcome=~"auth[.].+"}[5m]))',
      "> 0.2 * sum(rate(foyer_gateway_authentications_total[5m])) + 0.1",
    ].join("\n  "),
    for: "5m",
    summary: "{{ $value | humanize }} logins a second are turned away",
  },
  {
    name: "FoyerSlowConsumers",
    severity: "ticket",
    expr: "sum by (instance) (increase(foyer_gateway_slow_consumers_total[10m])) > 10",
    for: "0s",
    summary: "{{ $labels.instance }} closed {{ $value }} connections that read too slowly within ten minutes",
  },
  {
    name: "FoyerEventLoopDelayed",
    severity: "ticket",
    expr: "nodejs_eventloop_lag_p99_seconds > 0.1 and on (instance) foyer_build_info",
    for: "2m",
    summary: "{{ $labels.instance }} is {{ $value | humanizeDuration }} behind with its work",
  },
  {
    name: "FoyerDatabasePoolWaiting",
    severity: "ticket",
    expr: "min_over_time(foyer_core_db_pool_waiting[1m]) > 0",
    for: "1m",
    summary: "{{ $labels.instance }} has {{ $value }} statements waiting for a connection to Postgres",
  },
  {
    name: "FoyerDrainNotFinished",
    severity: "ticket",
    expr: "foyer_gateway_draining == 1",
    for: "2m",
    summary: "{{ $labels.instance }} has been draining for over two minutes",
  },
];

/** Where an alert's section is. */
export const runbook = (name: string) => `docs/runbook.md#${name.toLowerCase()}`;
