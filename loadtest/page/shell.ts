/** The frame of every report: one HTML file that needs nothing else, light or dark as its reader has it. */
import { asText } from "./chart.ts";

const style = `
:root { color-scheme: light dark; --back: #fafafa; --card: #fff; --ink: #1c2024; --soft: #60646c; --line: #e3e5e9;
  --good: #18794e; --bad: #b42318; --warn: #8a5a00; --c0: #0b68c4; --c1: #d2520a; --c2: #0a8a64; --c3: #b3428b;
  --c4: #8a6d00; --c5: #2f9bd6; --c6: #6a4fb3; --c7: #6b6f76 }
@media (prefers-color-scheme: dark) { :root { --back: #101214; --card: #181b1f; --ink: #eceef0; --soft: #9ba1a8;
  --line: #2b2f35; --good: #4cc38a; --bad: #ff8477; --warn: #f0b33c; --c0: #5aaef5; --c1: #ff9157; --c2: #3fcf9f;
  --c3: #ea8fc6; --c4: #dcbc3a; --c5: #8ad2ff; --c6: #b09cf0; --c7: #a9adb3 } }
* { box-sizing: border-box }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 2rem 1.5rem 4rem; max-width: 1440px;
  color: var(--ink); background: var(--back) }
h1 { font-size: 1.6rem; margin: 0 } h2 { font-size: 1.05rem; margin: 2.2rem 0 .7rem }
p { margin: .3rem 0; color: var(--soft) } ul.verdict { padding: 0; list-style: none; margin: 1rem 0 }
ul.verdict li { border-left: 4px solid; padding: .35rem .8rem; margin: .3rem 0; background: var(--card) }
.verdict .good { border-color: var(--good) } .verdict .bad { border-color: var(--bad) }
.verdict .warn { border-color: var(--warn) }
.tiles { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.2rem 0 }
.tiles div, figure, .table { background: var(--card); border: 1px solid var(--line); border-radius: 8px }
.tiles div { padding: .6rem 1rem; min-width: 9rem } .tiles b { display: block; font-size: 1.45rem; font-weight: 600 }
.tiles span, figcaption span { color: var(--soft); font-size: .82rem; font-weight: 400 }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 480px), 1fr)); gap: 1rem }
figure { margin: 0; padding: .8rem 1rem .6rem } figure.leaks { border-color: var(--bad) }
figcaption { font-weight: 600; display: flex; justify-content: space-between; gap: 1rem }
svg { width: 100%; height: auto; display: block } svg text { font-size: 11px; fill: var(--soft) }
.grid { stroke: var(--line) } .note { stroke: var(--soft); stroke-dasharray: 3 3 } .hit { fill: transparent }
.hit:hover { fill: var(--soft); fill-opacity: .14 }
polyline { fill: none; stroke-width: 1.8; stroke-linejoin: round }
${Array.from({ length: 8 }, (_, i) => `polyline.c${i} { stroke: var(--c${i}) } i.c${i} { background: var(--c${i}) }`).join("\n")}
.legend { display: flex; flex-wrap: wrap; gap: .1rem 1rem; margin: .2rem 0 0; padding: 0; list-style: none;
  font-size: .82rem; color: var(--soft) } .legend b { color: var(--ink); font-weight: 600 }
.legend i { display: inline-block; width: .7rem; height: .2rem; border-radius: 2px; margin-right: .35rem; vertical-align: middle }
.table { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { padding: .45rem .9rem; text-align: right; border-top: 1px solid var(--line) } th { color: var(--soft);
  font-weight: 500; font-size: .82rem; border: 0 } th:first-child, td:first-child { text-align: left }
footer { margin-top: 2.5rem; color: var(--soft); font-size: .82rem }`;

/** A page. @param body HTML @param verdicts what did not hold; empty when all did @param warning what else to know */
export function renderShell(
  title: string,
  head: string,
  verdicts: readonly string[],
  warning: string | null,
  body: string,
): string {
  const list =
    verdicts.length === 0
      ? '<li class="good">All promises kept.</li>'
      : verdicts.map((verdict) => `<li class="bad">${asText(verdict)}</li>`).join("");
  const more = warning === null ? "" : `<li class="warn">${asText(warning)}</li>`;
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${asText(`Foyer: ${title}`)}</title><style>${style}</style>
<h1>${asText(title)}</h1><p>${asText(head)}</p><ul class="verdict">${list}${more}</ul>
${body}
</html>
`;
}

/** A table: first column to the left, all others to the right. */
export function renderTable(
  columns: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const cells = (tag: "th" | "td", row: readonly (string | number)[]) =>
    `<tr>${row.map((cell) => `<${tag}>${asText(typeof cell === "number" ? cell.toLocaleString("en") : cell)}</${tag}>`).join("")}</tr>`;
  return `<div class="table"><table>${cells("th", columns)}${rows.map((row) => cells("td", row)).join("")}</table></div>`;
}
