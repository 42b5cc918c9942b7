/** Whether workers keep up with the commands, and what they do with them. */
import { nodePanels } from "./nodes.ts";
import { type Dashboard, one, percentiles, perSecond, quantile } from "./panels.ts";

export const core: Dashboard = {
  uid: "foyer-core",
  title: "Foyer: Core",
  description: "Whether workers keep up with the commands, and what they do with them.",
  rows: [
    {
      title: "Keeping up",
      panels: [
        {
          title: "Wait in the stream",
          help: "From the gateway's writing to a worker's reading. Rises first when there are too few workers.",
          kind: "chart",
          unit: "s",
          queries: percentiles("foyer_core_queue_wait_seconds"),
          thresholds: { warn: 0.25, alarm: 1 },
        },
        {
          title: "Entries",
          help: "In the command streams, and of those the ones that a worker has read and not finished.",
          kind: "chart",
          unit: "short",
          queries: [
            { expr: "max(foyer_core_stream_length)", legend: "in the streams" },
            { expr: "max(foyer_core_pending_entries)", legend: "read, not finished" },
          ],
        },
        {
          title: "Oldest command",
          help: "Age of the oldest entry that is not finished.",
          kind: "chart",
          unit: "s",
          queries: one("max(foyer_core_oldest_pending_seconds)", "oldest"),
          thresholds: { warn: 5, alarm: 10 },
        },
      ],
    },
    {
      title: "Commands",
      panels: [
        {
          title: "Commands",
          help: "Run by workers, those of gateways themselves included.",
          kind: "chart",
          unit: "ops",
          stacked: true,
          queries: one(perSecond("foyer_core_commands_total", "command"), "{{command}}"),
        },
        {
          title: "Without success",
          help: "server.fatal is a bug: its log line has the command's id.",
          kind: "chart",
          unit: "ops",
          stacked: true,
          queries: one(perSecond('foyer_core_commands_total{outcome!="success"}', "outcome"), "{{outcome}}"),
        },
        {
          title: "Time in a worker, by command",
          help: "99 of 100 take no longer.",
          kind: "chart",
          unit: "s",
          queries: one(quantile(0.99, "foyer_core_command_duration_seconds", "command"), "{{command}}"),
        },
        {
          title: "Commands read at once",
          help: "Large batches share their reads: under load this grows, and that is well.",
          kind: "chart",
          unit: "short",
          queries: percentiles("foyer_core_batch_size"),
        },
        {
          title: "Time until a ban holds everywhere",
          help: "From the moderator's command to the last gateway's confirmation.",
          kind: "chart",
          unit: "s",
          queries: percentiles("foyer_core_ban_enforcement_seconds"),
          thresholds: { warn: 0.25, alarm: 1 },
        },
        {
          title: "Taken over, suppressed, too late, left, given up",
          help: "Entries of a worker that died; commands that had run before; commands whose time was over; entries left to newer workers; dead letters.",
          kind: "chart",
          unit: "short",
          queries: [
            { expr: "sum(increase(foyer_core_claimed_total[$__rate_interval]))", legend: "taken over" },
            {
              expr: "sum(increase(foyer_core_duplicates_suppressed_total[$__rate_interval]))",
              legend: "had run before",
            },
            { expr: "sum(increase(foyer_core_expired_total[$__rate_interval]))", legend: "too late" },
            { expr: "sum(increase(foyer_core_left_total[$__rate_interval]))", legend: "left" },
            { expr: "sum(increase(foyer_core_dead_letters_total[$__rate_interval]))", legend: "given up" },
          ],
        },
        {
          title: "None of ours",
          help: "Read from streams and channels, and written by no node of ours: does something else use this Redis?",
          kind: "chart",
          unit: "short",
          queries: [
            {
              expr: "sum by (kind) (increase(foyer_core_unreadable_total[$__rate_interval]))",
              legend: "worker: {{kind}}",
            },
            {
              expr: "sum by (kind) (increase(foyer_gateway_unreadable_total[$__rate_interval]))",
              legend: "gateway: {{kind}}",
            },
          ],
        },
      ],
    },
    {
      title: "Nodes",
      panels: [
        {
          title: "Leader",
          help: "One worker at a time clears up after dead nodes.",
          kind: "chart",
          unit: "short",
          queries: one("foyer_core_leader", "{{instance}}"),
        },
        ...nodePanels("core"),
      ],
    },
  ],
};
