/** Postgres and Redis as the nodes see them. */
import { type Dashboard, one, percentiles, perSecond, quantile } from "./panels.ts";

export const stores: Dashboard = {
  uid: "foyer-stores",
  title: "Foyer: Stores",
  description:
    "Postgres and Redis as the nodes see them. What they say of themselves, their own exporters tell.",
  rows: [
    {
      title: "Postgres",
      panels: [
        {
          title: "Time of a statement",
          help: "Waiting for a connection included.",
          kind: "chart",
          unit: "s",
          queries: percentiles("foyer_core_db_query_duration_seconds"),
          thresholds: { warn: 0.05, alarm: 0.25 },
        },
        {
          title: "Statements",
          help: "A second, by worker.",
          kind: "chart",
          unit: "ops",
          stacked: true,
          queries: one(perSecond("foyer_core_db_query_duration_seconds_count", "instance"), "{{instance}}"),
        },
        {
          title: "Waiting for a connection",
          help: "Statements for which the pool has none. More than a moment of this: Postgres is slow, or something holds locks.",
          kind: "chart",
          unit: "short",
          queries: one("foyer_core_db_pool_waiting", "{{instance}}"),
          thresholds: { warn: 1, alarm: 20 },
        },
      ],
    },
    {
      title: "Redis",
      panels: [
        {
          title: "Way through the stream",
          help: "99 of 100 entries are read within this time: Redis' own, and what waits for a worker.",
          kind: "chart",
          unit: "s",
          queries: one(quantile(0.99, "foyer_core_queue_wait_seconds", "instance"), "{{instance}}"),
        },
        {
          title: "Publish/subscribe",
          help: "Age of the canary, which every worker publishes once a second.",
          kind: "chart",
          unit: "s",
          queries: one("max by (instance) (foyer_gateway_canary_age_seconds)", "{{instance}}"),
          thresholds: { warn: 5, alarm: 15 },
        },
        {
          title: "Entries in the streams",
          help: "What Redis holds of commands. It grows while no worker reads.",
          kind: "chart",
          unit: "short",
          queries: one("max(foyer_core_stream_length)", "entries"),
        },
      ],
    },
  ],
};
