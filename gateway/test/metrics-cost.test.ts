/** What a scrape costs when all that can be counted has been: labels are bounded, and so is the time. */
import type { Registry } from "prom-client";
import t from "tap";
import { createRegistry } from "../../shared/metrics.ts";
import { commands } from "../../shared/protocol/commands.ts";
import { type ErrorCode, errorBody, errors } from "../../shared/protocol/errors.ts";
import { errorFrame, successFrame } from "../../shared/protocol/frames.ts";
import { Connections } from "../connections.ts";
import { createGatewayMetrics } from "../metrics.ts";

/** Prometheus' habit. */
const SCRAPE_EVERY_MS = 15_000;
const SCRAPES = 20;
const CONNECTIONS = 20_000;

t.test("a scrape takes under 1 % of a core, whatever was counted and whoever is connected", async (t) => {
  const register: Registry = createRegistry("gateway");
  const metrics = createGatewayMetrics(register);
  const connections = new Connections();
  for (let number = 1; number <= CONNECTIONS; number++) {
    const connection = { number, address: "203.0.113.7", openedAt: 0 } as never;
    connections.add(connection);
    connections.loggedIn(connection);
  }
  metrics.watch({
    connections: () => connections.counts(),
    connectionsLimit: () => 0,
    inflightCommands: () => 0,
    canaryAgeSeconds: () => 0,
    isOverloaded: () => false,
    isPubsubConnected: () => true,
    isDraining: () => false,
  });
  const frames = [
    successFrame(1, "{}"),
    ...Object.keys(errors).map((code) => errorFrame(1, errorBody(code as ErrorCode))),
  ];
  const actions = [...Object.keys(commands), "authenticate", "made.up", "made.up.too"];
  for (const action of actions) {
    for (const frame of frames) metrics.commandAnswered({ action, text: "", readAt: 0 }, frame);
  }
  let text = "";
  const before = process.cpuUsage();
  for (let i = 0; i < SCRAPES; i++) text = await register.metrics();
  const { user, system } = process.cpuUsage(before);
  const spentMs = (user + system) / 1_000 / SCRAPES;
  t.comment(`${text.split("\n").length} lines, ${spentMs.toFixed(1)} ms of CPU a scrape`);
  t.ok(spentMs < SCRAPE_EVERY_MS / 100, `${spentMs} ms`);
  t.match(text, `foyer_gateway_connections{state="authenticated"} ${CONNECTIONS}`);
  t.equal(new Set(text.match(/command="[^"]+"/g)).size, actions.length - 1, "made-up names share a label");
});
