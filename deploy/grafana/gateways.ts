/** Who holds how many connections, and whether each gateway is well. */
import { nodePanels } from "./nodes.ts";
import { type Dashboard, one, perSecond, quantile } from "./panels.ts";

export const gateways: Dashboard = {
  uid: "foyer-gateways",
  title: "Foyer: Gateways",
  description: "Who holds how many connections, and whether each gateway is well.",
  rows: [
    {
      title: "Connections",
      panels: [
        {
          title: "Connections",
          help: "By gateway. They should be alike; a new gateway fills up as people come and go.",
          kind: "chart",
          unit: "short",
          stacked: true,
          queries: one("sum by (instance) (foyer_gateway_connections)", "{{instance}}"),
        },
        {
          title: "Share of the limit",
          help: "FOYER_MAX_CONNECTIONS is 1. At 1 a gateway turns people away.",
          kind: "chart",
          unit: "percentunit",
          queries: one(
            "sum by (instance) (foyer_gateway_connections) / sum by (instance) (foyer_gateway_connections_limit)",
            "{{instance}}",
          ),
          thresholds: { warn: 0.6, alarm: 0.8 },
        },
        {
          title: "Opened and refused",
          help: "Refused by reason: draining, full, address (too many from one), origin, world.",
          kind: "chart",
          unit: "reqps",
          queries: [
            { expr: perSecond("foyer_gateway_connections_opened_total"), legend: "opened" },
            {
              expr: perSecond("foyer_gateway_connections_refused_total", "reason"),
              legend: "refused: {{reason}}",
            },
          ],
        },
        {
          title: "Closed by reason",
          help: "client and lost: they left. restart: a drain. slow: they read too slowly. reload: banned, or told to reload.",
          kind: "chart",
          unit: "reqps",
          stacked: true,
          queries: one(perSecond("foyer_gateway_connections_closed_total", "reason"), "{{reason}}"),
        },
        {
          title: "Slow readers and refused commands",
          help: "Closed for reading too slowly; commands beyond the rate or the queue.",
          kind: "chart",
          unit: "ops",
          queries: [
            { expr: perSecond("foyer_gateway_slow_consumers_total"), legend: "slow readers closed" },
            { expr: perSecond("foyer_gateway_rate_limited_total"), legend: "commands refused" },
          ],
        },
        {
          title: "Draining, overloaded",
          help: "1 while a gateway drains; 1 while it refuses what is more than the workers get done.",
          kind: "chart",
          unit: "short",
          queries: [
            { expr: "foyer_gateway_draining", legend: "{{instance}} drains" },
            { expr: "foyer_gateway_overloaded", legend: "{{instance}} is overloaded" },
          ],
        },
      ],
    },
    {
      title: "Work",
      panels: [
        {
          title: "Frames sent",
          help: "answer: to commands. broadcast: changes. resync: changes that had been missed. control: reload, errors. pong.",
          kind: "chart",
          unit: "ops",
          stacked: true,
          queries: one(perSecond("foyer_gateway_messages_sent_total", "kind"), "{{kind}}"),
        },
        {
          title: "Bytes sent",
          help: "Of frames, without what WebSocket, TLS and TCP add.",
          kind: "chart",
          unit: "binBps",
          stacked: true,
          queries: one(perSecond("foyer_gateway_bytes_sent_total", "instance"), "{{instance}}"),
        },
        {
          title: "Commands under way",
          help: "Sent to workers, not answered yet. Rises when workers or stores are behind.",
          kind: "chart",
          unit: "short",
          queries: one("foyer_gateway_inflight_commands", "{{instance}}"),
        },
        {
          title: "Time to an answer, by command",
          help: "99 of 100 are answered within this time.",
          kind: "chart",
          unit: "s",
          queries: one(quantile(0.99, "foyer_gateway_command_duration_seconds", "command"), "{{command}}"),
        },
      ],
    },
    {
      title: "Health",
      panels: [
        {
          title: "Canary",
          help: "Time since the proof that broadcasts arrive was heard. Above 15 s the gateway is not ready.",
          kind: "chart",
          unit: "s",
          queries: one("foyer_gateway_canary_age_seconds", "{{instance}}"),
          thresholds: { warn: 5, alarm: 15 },
        },
        {
          title: "Link for broadcasts",
          help: "1 while it stands.",
          kind: "chart",
          unit: "short",
          queries: one("foyer_gateway_pubsub_connected", "{{instance}}"),
        },
        {
          title: "Accounts compared",
          help: "After a login, and of everybody after a lost link: what was missed is fetched then.",
          kind: "chart",
          unit: "ops",
          queries: one(perSecond("foyer_gateway_resyncs_total", "instance"), "{{instance}}"),
        },
        ...nodePanels("gateway"),
      ],
    },
  ],
};
