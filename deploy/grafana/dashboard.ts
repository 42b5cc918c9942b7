/** A dashboard as Grafana imports it. */
import type { Dashboard, Panel, Query } from "./panels.ts";

/** Grafana's grid. */
const COLUMNS = 24;
const ROW_HEIGHT = 1;
const FIGURE = { columns: 4, height: 5 };
const CHART_HEIGHT = 8;

/** Grafana 10 and later read this version of the model. */
const SCHEMA_VERSION = 39;

// Grafana fills in the one that is chosen above the panels.
// biome-ignore lint/suspicious/noTemplateCurlyInString: its own notation
const datasource = { type: "prometheus", uid: "${datasource}" };

interface Place {
  x: number;
  y: number;
  w: number;
  h: number;
}

/** @returns JSON text, the same for the same description */
export function dashboardJson({ uid, title, description, rows }: Dashboard): string {
  const panels: object[] = [];
  let y = 0;
  for (const row of rows) {
    const place = { x: 0, y, w: COLUMNS, h: ROW_HEIGHT };
    panels.push({
      id: panels.length + 1,
      type: "row",
      title: row.title,
      collapsed: false,
      gridPos: place,
      panels: [],
    });
    y += ROW_HEIGHT;
    const { places, height } = arrange(row.panels, y);
    row.panels.forEach((panel, i) => {
      panels.push(panelJson(panel, panels.length + 1, places[i]!));
    });
    y += height;
  }
  const model = {
    uid,
    title,
    description,
    tags: ["foyer"],
    editable: true,
    schemaVersion: SCHEMA_VERSION,
    refresh: "10s",
    time: { from: "now-1h", to: "now" },
    timezone: "browser",
    graphTooltip: 1,
    templating: {
      list: [
        { name: "datasource", type: "datasource", query: "prometheus", label: "Prometheus", current: {} },
      ],
    },
    links: [
      {
        type: "dashboards",
        title: "Foyer",
        tags: ["foyer"],
        asDropdown: true,
        keepTime: true,
        includeVars: true,
      },
    ],
    panels,
  };
  return `${JSON.stringify(model, null, 2)}\n`;
}

/** Figures stand side by side; charts share the width, three in a line at the most. */
function arrange(panels: readonly Panel[], top: number): { places: Place[]; height: number } {
  const places: Place[] = [];
  let x = 0;
  let y = top;
  let lineHeight = 0;
  const charts = panels.filter(({ kind }) => kind === "chart").length;
  const chartColumns = COLUMNS / Math.min(3, Math.max(1, charts === 4 ? 2 : charts));
  for (const { kind } of panels) {
    const w = kind === "figure" ? FIGURE.columns : chartColumns;
    const h = kind === "figure" ? FIGURE.height : CHART_HEIGHT;
    if (x + w > COLUMNS || (lineHeight > 0 && h !== lineHeight)) {
      x = 0;
      y += lineHeight;
    }
    places.push({ x, y, w, h });
    x += w;
    lineHeight = h;
  }
  return { places, height: y + lineHeight - top };
}

function panelJson(panel: Panel, id: number, gridPos: Place): object {
  const { title, help, kind, unit, queries, thresholds, stacked = false } = panel;
  const steps = [
    { color: "green", value: null },
    ...(thresholds === undefined
      ? []
      : [
          { color: "yellow", value: thresholds.warn },
          { color: "red", value: thresholds.alarm },
        ]),
  ];
  const defaults = { unit, min: 0, thresholds: { mode: "absolute", steps } };
  const common = { id, title, description: help, datasource, gridPos, targets: queries.map(targetJson) };
  if (kind === "figure") {
    return {
      ...common,
      type: "stat",
      fieldConfig: { defaults: { ...defaults, color: { mode: "thresholds" } }, overrides: [] },
      options: { colorMode: "background", graphMode: "area", reduceOptions: { calcs: ["lastNotNull"] } },
    };
  }
  const custom = {
    lineWidth: 1,
    fillOpacity: stacked ? 30 : 5,
    showPoints: "never",
    stacking: { mode: stacked ? "normal" : "none" },
    thresholdsStyle: { mode: thresholds === undefined ? "off" : "dashed" },
  };
  return {
    ...common,
    type: "timeseries",
    fieldConfig: { defaults: { ...defaults, custom }, overrides: [] },
    options: {
      legend: { displayMode: "list", placement: "bottom" },
      tooltip: { mode: "multi", sort: "desc" },
    },
  };
}

function targetJson({ expr, legend }: Query, i: number): object {
  return { refId: String.fromCharCode(65 + i), expr, legendFormat: legend, datasource };
}
