/**
 * What Prometheus sees when an alert has to fire, and what comes near and must not. Values in promtool's notation:
 * `1+2x3` is 1, 3, 5, 7, one a step of 15 s; `_` is no sample.
 */

export interface AlertCase {
  alert: string;
  series: Readonly<Record<string, string>>;
  /** When it is looked at. */
  at: string;
  fires: boolean;
}

const gateway = '{instance="g1"}';
const worker = '{instance="w1"}';

/** Buckets of a histogram whose observations all fall into one: `le` and above count, below do not. */
function histogram(name: string, le: string, perStep: number): Record<string, string> {
  const bounds = ["0.25", "0.5", "1", "2.5", "5", "+Inf"];
  return Object.fromEntries(
    bounds.map((bound) => {
      const counts = Number(bound.replace("+Inf", "Infinity")) >= Number(le);
      return [`${name}_bucket{instance="g1",le="${bound}"}`, `0+${counts ? perStep : 0}x80`];
    }),
  );
}

const canary = `foyer_gateway_canary_age_seconds${gateway}`;
const started = `process_start_time_seconds${gateway}`;
const commands = (outcome: string) =>
  `foyer_gateway_commands_total{instance="g1",command="user.fetch",outcome="${outcome}"}`;
const logins = (outcome: string) =>
  `foyer_gateway_authentications_total{instance="g1",method="token",outcome="${outcome}"}`;
const closed = (reason: string) => `foyer_gateway_connections_closed_total{instance="g1",reason="${reason}"}`;
const connections = 'foyer_gateway_connections{instance="g1",state="authenticated"}';
const limit = `foyer_gateway_connections_limit${gateway}`;
const eventLoop = (instance: string) => `nodejs_eventloop_lag_p99_seconds{instance="${instance}"}`;
const pubsub = `foyer_gateway_pubsub_connected${gateway}`;
const pool = `foyer_core_db_pool_waiting${worker}`;
const oldest = `foyer_core_oldest_pending_seconds${worker}`;
const leader = (instance: string) => `foyer_core_leader{instance="${instance}"}`;
const dead = `foyer_core_dead_letters_total${worker}`;
const slow = `foyer_gateway_slow_consumers_total${gateway}`;
const draining = `foyer_gateway_draining${gateway}`;
const took = "foyer_gateway_command_duration_seconds";
const bans = "foyer_core_ban_enforcement_seconds";

const fires = (alert: string, at: string, series: Record<string, string>): AlertCase => ({
  alert,
  at,
  series,
  fires: true,
});
const quiet = (alert: string, at: string, series: Record<string, string>): AlertCase => ({
  alert,
  at,
  series,
  fires: false,
});

export const alertCases: readonly AlertCase[] = [
  fires("FoyerCanarySilent", "5m", { [canary]: "1x10 16+15x20", [started]: "0x80" }),
  quiet("FoyerCanarySilent", "5m", { [canary]: "14x80", [started]: "0x80" }),
  // Just started: it cannot have heard one.
  quiet("FoyerCanarySilent", "30s", { [canary]: "1000000x80", [started]: "0x80" }),

  fires("FoyerSubscriptionLost", "2m", { [pubsub]: "1x4 0x20" }),
  quiet("FoyerSubscriptionLost", "75s", { [pubsub]: "1x4 0x20" }),

  fires("FoyerNoWorker", "2m", { [leader("w1")]: "0x80", [leader("w2")]: "0x80" }),
  fires("FoyerNoWorker", "10m", { [leader("w1")]: "1x4 _x80" }),
  quiet("FoyerNoWorker", "2m", { [leader("w1")]: "0x80", [leader("w2")]: "1x80" }),
  // The lead passes from one to the other.
  quiet("FoyerNoWorker", "2m", { [leader("w1")]: "1x6 0x80", [leader("w2")]: "0x7 1x80" }),

  fires("FoyerCommandsStuck", "1m", { [oldest]: "11x80" }),
  quiet("FoyerCommandsStuck", "1m", { [oldest]: "9x80" }),

  fires("FoyerCommandsSlow", "10m", histogram(took, "2.5", 10)),
  quiet("FoyerCommandsSlow", "10m", histogram(took, "0.5", 10)),

  fires("FoyerErrors", "10m", { [commands("success")]: "0+97x80", [commands("server.timeout")]: "0+3x80" }),
  quiet("FoyerErrors", "10m", { [commands("success")]: "0+997x80", [commands("server.fatal")]: "0+3x80" }),
  // Refusals are the client's doing.
  quiet("FoyerErrors", "10m", { [commands("success")]: "0+50x80", [commands("user.not_found")]: "0+50x80" }),

  fires("FoyerBansSlow", "10m", histogram(bans, "5", 1)),
  quiet("FoyerBansSlow", "10m", histogram(bans, "0.25", 1)),
  quiet("FoyerBansSlow", "10m", histogram(bans, "5", 0)),

  fires("FoyerDeadLetter", "5m", { [dead]: "0x10 1x80" }),
  quiet("FoyerDeadLetter", "5m", { [dead]: "3x80" }),

  fires("FoyerGatewayNearlyFull", "5m", { [connections]: "81x80", [limit]: "100x80" }),
  quiet("FoyerGatewayNearlyFull", "5m", { [connections]: "79x80", [limit]: "100x80" }),
  quiet("FoyerGatewayNearlyFull", "5m", { [connections]: "81x80", [limit]: "0x80" }),

  fires("FoyerDisconnects", "15m", { [closed("lost")]: "0+20x80", [connections]: "1000x80" }),
  quiet("FoyerDisconnects", "15m", { [closed("lost")]: "0+2x80", [connections]: "1000x80" }),
  // A deploy, and people who leave.
  quiet("FoyerDisconnects", "15m", {
    [closed("restart")]: "0+20x80",
    [closed("client")]: "0+20x80",
    [connections]: "1000x80",
  }),

  fires("FoyerFailedLogins", "15m", {
    [logins("success")]: "0+70x80",
    [logins("auth.invalid_token")]: "0+30x80",
  }),
  quiet("FoyerFailedLogins", "15m", {
    [logins("success")]: "0+90x80",
    [logins("auth.expired_token")]: "0+10x80",
  }),
  // One person with an old link, at night.
  quiet("FoyerFailedLogins", "15m", { [logins("auth.expired_token")]: "0+1x80" }),

  fires("FoyerSlowConsumers", "10m", { [slow]: "0+1x80" }),
  quiet("FoyerSlowConsumers", "10m", { [slow]: "0x20 5x80" }),

  fires("FoyerEventLoopDelayed", "5m", {
    [eventLoop("g1")]: "0.2x80",
    [`foyer_build_info${gateway}`]: "1x80",
  }),
  quiet("FoyerEventLoopDelayed", "5m", {
    [eventLoop("g1")]: "0.05x80",
    [`foyer_build_info${gateway}`]: "1x80",
  }),
  // Somebody else's Node.js.
  quiet("FoyerEventLoopDelayed", "5m", {
    [eventLoop("other")]: "0.2x80",
    [`foyer_build_info${gateway}`]: "1x80",
  }),

  fires("FoyerDatabasePoolWaiting", "5m", { [pool]: "3x80" }),
  quiet("FoyerDatabasePoolWaiting", "5m", { [pool]: "3 0 3 0 3 0 3 0 3 0 3 0 3 0 3 0 3 0 3 0 3 0" }),

  fires("FoyerDrainNotFinished", "5m", { [draining]: "0x4 1x80" }),
  quiet("FoyerDrainNotFinished", "90s", { [draining]: "0x4 1x80" }),
];
