/** The curves as one HTML page that needs nothing else. */
import { asText, renderChart, show } from "../page/chart.ts";
import { renderShell } from "../page/shell.ts";
import { type JudgedCurve, kinds } from "./curves.ts";

/** @param head what the run was, in a line @param verdicts what did not hold; empty when all did */
export function renderPage(
  head: string,
  curves: readonly JudgedCurve[],
  verdicts: readonly string[],
): string {
  const sections = Object.keys(kinds).map((kind) => {
    const figures = curves.filter((curve) => curve.kind === kind).map(renderCurve);
    return figures.length === 0 ? "" : `<h2>${asText(kind)}</h2><main>${figures.join("\n")}</main>`;
  });
  return renderShell("Soak", head, verdicts, null, sections.join("\n"));
}

function renderCurve({ kind, of, points, level }: JudgedCurve): string {
  const { unit } = kinds[kind];
  const said =
    level === null
      ? unit
      : `${unit} · ${level.levels ? "levels off" : "RISES"}: ${show(level.rise)} of ${show(level.allowed)} allowed`;
  const figure = renderChart({ title: of, unit: said, lines: [{ name: kind, points }] });
  return level?.levels === false ? figure.replace("<figure>", '<figure class="leaks">') : figure;
}
