/** What a run found, as a page to put before a colleague. */
import { addSnapshots } from "../recorder.ts";
import { summarize } from "../report.ts";
import { compareResults, type RunResult, tableOf, totalsOf } from "../result.ts";
import type { ProcessPoint } from "../watch.ts";
import { type Chart, type ChartPoint, renderChart, show } from "./chart.ts";
import { renderShell, renderTable } from "./shell.ts";

/** Names of what is no command: they have no chart of their own. */
const ASIDE = new Set(["connection", "stray"]);

/** @param then an earlier run to compare with */
export function renderRunPage(result: RunResult, then: RunResult | null = null): string {
  const { scenario, startedAt, seconds, machine, broken, bottleneck, notes, watched, generators } = result;
  const { columns, rows } = tableOf(result);
  const compared = then === null ? null : compareResults(then, result);
  const kinds = [...totalsOf(result).keys()].filter((kind) => !ASIDE.has(kind));
  const charts = [
    ...kinds.map((kind) => latencyChart(result, kind)),
    throughputChart(result, kinds),
    {
      title: "Connections",
      unit: "",
      lines: [{ name: "connected", points: connectedPoints(result) }],
      notes,
    },
    processChart("Processor, by process", "% of one", watched.processes, ({ cpu }) => cpu * 100),
    processChart("Memory, by process", "MB resident", watched.processes, ({ rssMb }) => rssMb),
    {
      title: "Commands that wait",
      unit: "in the streams",
      lines: [{ name: "queued", points: watched.queue }],
    },
    generatorChart("Generators: processor", "% of one", generators, ({ cpu }) => cpu * 100),
    generatorChart("Generators: lateness of the event loop", "ms, p99", generators, ({ delayMs }) => delayMs),
  ].filter(({ lines }) => lines.some(({ points }) => points.length > 0));
  const body = [
    tiles(result),
    "<h2>What was asked for</h2>",
    renderTable(columns, rows),
    ...(compared === null ? [] : ["<h2>Compared</h2>", renderTable(compared.columns, compared.rows)]),
    "<h2>Over time</h2>",
    `<main>${charts.map((chart) => renderChart({ notes, ...chart })).join("\n")}</main>`,
    notes.length === 0
      ? ""
      : `<h2>What happened when</h2>${renderTable(
          ["at", ""],
          notes.map(({ at, text }) => [`${at} s`, text]),
        )}`,
    figuresOf(result),
    `<footer>${machine.processors} × ${machine.model}, ${machine.memoryGb} GB, ${machine.system}, Node ${machine.node}; ${generators.length} generators. Latencies count from the moment at which a command was due, so that what waits behind a slow one is not left out.</footer>`,
  ].join("\n");
  const head = `${startedAt.replace("T", " ").slice(0, 16)} UTC, ${seconds} s`;
  return renderShell(`Load: ${scenario}`, head, broken, bottleneck, body);
}

function tiles(result: RunResult): string {
  const most = Math.max(0, ...result.points.map(({ connected }) => connected));
  const totals = [...totalsOf(result)].filter(([kind]) => !ASIDE.has(kind));
  const [first] = totals.sort((one, other) => other[1].histogram.totalCount - one[1].histogram.totalCount);
  const peak = Object.entries(result.watched.processes)
    .map(([name, list]) => [name, Math.max(0, ...list.map(({ cpu }) => cpu))] as const)
    .sort((one, other) => other[1] - one[1])[0];
  const items: [string, string][] = [["connections at most", show(most)]];
  if (first !== undefined) {
    items.push([`${first[0]}, in all`, show(first[1].histogram.totalCount)]);
    items.push([`p99 of ${first[0]}, ms`, show(summarize(first[1].histogram).p99)]);
  }
  if (peak !== undefined) items.push([`% of a processor at most, ${peak[0]}`, show(peak[1] * 100)]);
  return `<div class="tiles">${items.map(([what, value]) => `<div><b>${value}</b><span>${what}</span></div>`).join("")}</div>`;
}

function latencyChart({ points }: RunResult, kind: string): Chart {
  const those = points.flatMap(({ at, snapshot }) => {
    const one = snapshot[kind];
    if (one === undefined || (one.outcomes.success ?? 0) === 0) return [];
    return [{ at, latencies: summarize(addSnapshots([{ [kind]: one }]).get(kind)!.histogram) }];
  });
  const line = (name: "p50" | "p95" | "p99" | "max") => ({
    name,
    points: those.map(({ at, latencies }) => ({ at, value: latencies[name] })),
  });
  const lines = [line("p50"), line("p95"), line("p99"), line("max")];
  return { title: `Latency: ${kind}`, unit: "ms", isLog: true, lines };
}

function throughputChart({ points }: RunResult, kinds: readonly string[]): Chart {
  const lines = kinds.map((kind) => ({
    name: kind,
    points: points.map(({ at, snapshot }) => ({ at, value: snapshot[kind]?.outcomes.success ?? 0 })),
  }));
  return { title: "Throughput", unit: "succeeded a second", lines };
}

function connectedPoints({ points }: RunResult): ChartPoint[] {
  return points.map(({ at, connected }) => ({ at, value: connected }));
}

function processChart(
  title: string,
  unit: string,
  processes: RunResult["watched"]["processes"],
  value: (point: ProcessPoint) => number,
): Chart {
  const lines = Object.entries(processes).map(([name, list]) => ({
    name,
    points: list.map((point) => ({ at: point.at, value: value(point) })),
  }));
  return { title, unit, lines };
}

function generatorChart(
  title: string,
  unit: string,
  generators: RunResult["generators"],
  value: (point: RunResult["generators"][number][number]) => number,
): Chart {
  const lines = generators.map((list, i) => ({
    name: `generator ${i + 1}`,
    points: list.map((point) => ({ at: point.at, value: value(point) })),
  }));
  return { title, unit, lines };
}

function figuresOf({ figures, options }: RunResult): string {
  const rows = Object.entries({ ...options, ...figures }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, typeof value === "object" ? JSON.stringify(value) : String(value)]],
  );
  return rows.length === 0 ? "" : `<h2>Figures and options</h2>${renderTable(["", ""], rows)}`;
}
