/** The curves as one HTML page that needs nothing else. */
import { kinds } from "./curves.js";
const WIDTH = 420;
const HEIGHT = 110;
const style = `
body { font: 14px/1.4 system-ui, sans-serif; margin: 2rem; color: #222; background: #fff }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(440px, 1fr)); gap: 1rem }
figure { margin: 0; padding: .6rem; border: 1px solid #ccc; border-radius: 6px }
figure.leaks { border-color: #c00; background: #fff4f4 }
figcaption { display: flex; justify-content: space-between }
svg { width: 100%; height: auto } polyline { fill: none; stroke: #2563a8; stroke-width: 1.5 }
.half { stroke: #bbb; stroke-dasharray: 3 3 } text { font-size: 10px; fill: #666 }`;
/** @param head what the run was, in a line @param verdicts what did not hold; empty when all did */
export function renderPage(head, curves, verdicts) {
    const sections = Object.keys(kinds).map((kind) => {
        const figures = curves.filter((curve) => curve.kind === kind).map(renderCurve);
        return figures.length === 0 ? "" : `<h2>${asText(kind)}</h2><main>${figures.join("\n")}</main>`;
    });
    const list = verdicts.length === 0
        ? "<p>All promises kept.</p>"
        : `<ul>${verdicts.map((verdict) => `<li>${asText(verdict)}</li>`).join("")}</ul>`;
    return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Foyer soak</title><style>${style}</style>
<h1>Soak</h1><p>${asText(head)}</p>${list}
${sections.join("\n")}
</html>
`;
}
function renderCurve({ kind, of, points, level }) {
    const { unit } = kinds[kind];
    const values = points.map(({ value }) => value);
    const most = Math.max(...values);
    const end = points.at(-1)?.at || 1;
    const x = (at) => (at / end) * WIDTH;
    const y = (value) => HEIGHT - (most === 0 ? 0 : (value / most) * (HEIGHT - 12));
    const line = points.map(({ at, value }) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
    const said = level === null
        ? ""
        : `${level.levels ? "levels off" : "RISES"}: ${show(level.rise)} of ${show(level.allowed)} allowed`;
    return `<figure${level?.levels === false ? ' class="leaks"' : ""}>
<figcaption><b>${asText(of)}</b><span>${asText(said)}</span></figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT + 2}" role="img" aria-label="${asText(`${kind} ${of}`)}">
<line class="half" x1="${WIDTH / 2}" y1="0" x2="${WIDTH / 2}" y2="${HEIGHT}"/>
<polyline points="${line}"/><text x="2" y="10">${show(most)} ${unit}</text>
<text x="${WIDTH - 2}" y="10" text-anchor="end">last ${show(values.at(-1) ?? 0)}, ${end} s</text></svg></figure>`;
}
function show(value) {
    return value.toFixed(Math.abs(value) < 10 ? 2 : 0);
}
function asText(text) {
    return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
//# sourceMappingURL=page.js.map