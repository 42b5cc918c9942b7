/** Lines over time as SVG that needs nothing else: no script, and colours that the page's style decides. */

/** One value at a time, in seconds since the start. */
export interface ChartPoint {
  at: number;
  value: number;
}

/** What a chart shows. */
export interface Chart {
  title: string;
  unit: string;
  lines: readonly { name: string; points: readonly ChartPoint[] }[];
  /** For what spans magnitudes, as latencies do. */
  isLog?: boolean;
  /** Moments that explain a bend. */
  notes?: readonly { at: number; text: string }[];
}

const WIDTH = 640;
const HEIGHT = 200;
const LEFT = 48;
const BOTTOM = 22;
const TOP = 8;
const PLOT = { width: WIDTH - LEFT - 8, height: HEIGHT - TOP - BOTTOM };
/** Columns that tell their values to whoever points at them: more would be thinner than a pointer. */
const MAX_COLUMNS = 160;
/** So many lines have a colour of their own. */
const COLOURS = 8;

/** A figure with its legend. */
export function renderChart(chart: Chart): string {
  const lines = chart.lines.filter(({ points }) => points.length > 0);
  const values = lines.flatMap(({ points }) => points.map(({ value }) => value));
  const end = Math.max(1, ...lines.flatMap(({ points }) => points.map(({ at }) => at)));
  const { ticks, y } = chart.isLog ? logScale(values) : linearScale(values);
  const x = (at: number) => LEFT + (at / end) * PLOT.width;
  const grid = ticks.map(
    (value) =>
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - 8}" y1="${f(y(value))}" y2="${f(y(value))}"/>` +
      `<text x="${LEFT - 6}" y="${f(y(value) + 3.5)}" text-anchor="end">${show(value)}</text>`,
  );
  const times = timeTicks(end).map(
    (at) => `<text x="${f(x(at))}" y="${HEIGHT - 6}" text-anchor="middle">${at} s</text>`,
  );
  const notes = (chart.notes ?? [])
    .filter(({ at }) => at <= end)
    .map(
      ({ at, text }) =>
        `<line class="note" x1="${f(x(at))}" x2="${f(x(at))}" y1="${TOP}" y2="${TOP + PLOT.height}"><title>${asText(`${at} s: ${text}`)}</title></line>`,
    );
  const drawn = lines.map(
    ({ points }, i) =>
      `<polyline class="c${i % COLOURS}" points="${points.map(({ at, value }) => `${f(x(at))},${f(y(value))}`).join(" ")}"/>`,
  );
  const legend = lines.map(
    ({ name, points }, i) =>
      `<li><i class="c${i % COLOURS}"></i>${asText(name)} <b>${show(points.at(-1)!.value)}</b></li>`,
  );
  return `<figure><figcaption>${asText(chart.title)} <span>${asText(chart.unit)}</span></figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${asText(chart.title)}">${[...grid, ...times, ...notes, ...drawn].join("")}${columns(chart, lines, x).join("")}</svg>
<ul class="legend">${legend.join("")}</ul></figure>`;
}

/** Invisible ones over the plot: pointing at a moment tells every line's value. */
function columns({ unit }: Chart, lines: Chart["lines"], x: (at: number) => number): string[] {
  const values = new Map<number, string[]>();
  for (const { name, points } of lines) {
    for (const { at, value } of points) {
      values.set(at, [...(values.get(at) ?? []), `${name} ${show(value)} ${unit}`.trimEnd()]);
    }
  }
  const moments = [...values.keys()].sort((a, b) => a - b);
  const every = Math.ceil(moments.length / MAX_COLUMNS);
  return moments
    .filter((_, i) => i % every === 0)
    .map((at, i, those) => {
      const width = x(those[i + 1] ?? at + every) - x(at);
      const text = [`${at} s`, ...values.get(at)!].join("\n");
      return `<rect class="hit" x="${f(x(at) - width / 2)}" y="${TOP}" width="${f(Math.max(1, width))}" height="${PLOT.height}"><title>${asText(text)}</title></rect>`;
    });
}

interface Scale {
  ticks: number[];
  y(value: number): number;
}

function linearScale(values: readonly number[]): Scale {
  const most = Math.max(0, ...values);
  const step = niceStep(most / 4 || 0.25);
  const top = Math.max(step, Math.ceil(most / step) * step);
  const ticks = Array.from({ length: Math.round(top / step) + 1 }, (_, i) => i * step);
  return { ticks, y: (value) => TOP + PLOT.height * (1 - value / top) };
}

/** From a power of ten to one; with few of them the halves between have lines too. */
function logScale(values: readonly number[]): Scale {
  const above = values.filter((value) => value > 0);
  const low = Math.floor(Math.log10(Math.min(1, ...above)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(1, ...above))));
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i));
  const between = high - low > 3 ? [] : ticks.slice(0, -1).map((tick) => tick * 3);
  const y = (value: number) => {
    const share = (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low);
    return TOP + PLOT.height * (1 - share);
  };
  return { ticks: [...ticks, ...between], y };
}

function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  return ([1, 2, 5].find((each) => each * power >= rough) ?? 10) * power;
}

function timeTicks(end: number): number[] {
  const step = Math.max(1, niceStep(end / 6));
  return Array.from({ length: Math.floor(end / step) + 1 }, (_, i) => i * step);
}

/** A value as people read it. */
export function show(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6) return `${trim(value / 1e6)} M`;
  if (size >= 1e4) return `${trim(value / 1e3)} k`;
  return trim(value);
}

function trim(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return String(Number(value.toFixed(digits)));
}

/** A coordinate. */
function f(value: number): string {
  return value.toFixed(1);
}

/** Text in HTML. */
export function asText(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
