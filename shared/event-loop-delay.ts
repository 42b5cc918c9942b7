/**
 * How late a node's timers are, under the names that prom-client gives it. Node's own figures are the times between two
 * looks, the interval of looking included: prom-client shows them as they are, so that with ours an idle node would
 * seem to be 100 ms late.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Gauge, type Registry } from "prom-client";

/** Every 10 ms, as prom-client does, would wake an idle process a hundred times a second. */
const LOOK_EVERY_MS = 250;
/** prom-client measures too, whether its figures are shown or not: so seldom that it costs nothing. */
const HARDLY_EVER_MS = 60 * 60 * 1_000;

/** For prom-client's `eventLoopMonitoringPrecision`. */
export const precisionOfDefaults = HARDLY_EVER_MS;

/** Puts true figures in the place of those of prom-client's default metrics; each look begins anew. */
export function watchEventLoop(register: Registry): void {
  const histogram = monitorEventLoopDelay({ resolution: LOOK_EVERY_MS });
  histogram.enable();
  const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - LOOK_EVERY_MS / 1e3);
  const figures = {
    min: { help: "shortest delay of the event loop", read: () => late(histogram.min) },
    max: { help: "longest delay of the event loop", read: () => late(histogram.max) },
    mean: { help: "mean delay of the event loop", read: () => late(histogram.mean) },
    stddev: { help: "standard deviation of the delay of the event loop", read: () => histogram.stddev / 1e9 },
    p50: { help: "delay of the event loop, 50 of 100", read: () => late(histogram.percentile(50)) },
    p90: { help: "delay of the event loop, 90 of 100", read: () => late(histogram.percentile(90)) },
    p99: { help: "delay of the event loop, 99 of 100", read: () => late(histogram.percentile(99)) },
  };
  const gauges: { gauge: Gauge; read: () => number }[] = [];
  /** All at once, by the first that is asked. */
  const readAll = () => {
    // Somebody else has looked a moment ago.
    if (histogram.count === 0) return;
    for (const { gauge, read } of gauges) gauge.set(read());
    histogram.reset();
  };
  for (const [figure, { help, read }] of Object.entries(figures)) {
    const name = `nodejs_eventloop_lag_${figure}_seconds`;
    register.removeSingleMetric(name);
    gauges.push({ gauge: new Gauge({ name, help, registers: [register], collect: readAll }), read });
  }
}
