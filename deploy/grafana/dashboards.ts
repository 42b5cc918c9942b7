/** The dashboards: what one needs to know, from the people outwards in to the stores. */
import { type Dashboard, percentiles, perSecond, quantile } from "./panels.ts";

const one = (expr: string, legend = "") => [{ expr, legend }];

/** Of commands that a worker or a store failed. */
const serverErrors = 'foyer_gateway_commands_total{outcome=~"server[.].+"}';

const online = 'sum(foyer_gateway_connections{state="authenticated"})';

/** The screen for the wall: whether attendees are happy. */
const attendees: Dashboard = {
  uid: "foyer-attendees",
  title: "Foyer: Attendees",
  description: "Whether attendees are happy. All green: they are.",
  rows: [
    {
      title: "Now",
      panels: [
        {
          title: "Online",
          help: "Connections that are logged in. A person with three tabs counts three times.",
          kind: "figure",
          unit: "short",
          queries: one(online),
        },
        {
          title: "Logins a second",
          help: "Successful ones.",
          kind: "figure",
          unit: "reqps",
          queries: one(perSecond('foyer_gateway_authentications_total{outcome="success"}')),
        },
        {
          title: "Answers within",
          help: "99 of 100 commands are answered within this time.",
          kind: "figure",
          unit: "s",
          queries: one(quantile(0.99, "foyer_gateway_command_duration_seconds")),
          thresholds: { warn: 0.25, alarm: 1 },
        },
        {
          title: "Changes arrive within",
          help: "99 of 100 changes of a profile reach the other connections of that person within this time.",
          kind: "figure",
          unit: "s",
          queries: one(quantile(0.99, "foyer_gateway_fanout_delay_seconds")),
          thresholds: { warn: 0.25, alarm: 1 },
        },
        {
          title: "Failed by us",
          help: "Share of commands that a worker or a store failed: server.timeout, server.overloaded, server.fatal.",
          kind: "figure",
          unit: "percentunit",
          queries: one(
            `(${perSecond(serverErrors)} or vector(0)) / ${perSecond("foyer_gateway_commands_total")}`,
          ),
          thresholds: { warn: 0.001, alarm: 0.01 },
        },
        {
          title: "Lost a minute",
          help: "Connections that broke or were closed for a fault, not by their client and not for a deploy.",
          kind: "figure",
          unit: "short",
          queries: one(
            '60 * (sum(rate(foyer_gateway_connections_closed_total{reason!~"client|reload|restart|replaced"}[$__rate_interval])) or vector(0))',
          ),
        },
      ],
    },
    {
      title: "Over time",
      panels: [
        {
          title: "People online",
          help: "Logged in, and on their way in.",
          kind: "chart",
          unit: "short",
          stacked: true,
          queries: one("sum by (state) (foyer_gateway_connections)", "{{state}}"),
        },
        {
          title: "Logins by outcome",
          help: "auth.expired_token: the ticket system's tokens are too old. auth.denied: banned, or no ticket for this world.",
          kind: "chart",
          unit: "reqps",
          stacked: true,
          queries: one(
            perSecond("foyer_gateway_authentications_total", "method, outcome"),
            "{{method}} {{outcome}}",
          ),
        },
        {
          title: "Time to an answer",
          help: "From a command's arrival at the gateway to its answer.",
          kind: "chart",
          unit: "s",
          queries: percentiles("foyer_gateway_command_duration_seconds"),
          thresholds: { warn: 0.25, alarm: 1 },
        },
        {
          title: "Time until others see a change",
          help: "From a worker's publishing to the gateway's writing.",
          kind: "chart",
          unit: "s",
          queries: percentiles("foyer_gateway_fanout_delay_seconds"),
          thresholds: { warn: 0.25, alarm: 1 },
        },
        {
          title: "Commands",
          help: "What people do.",
          kind: "chart",
          unit: "reqps",
          stacked: true,
          queries: one(perSecond("foyer_gateway_commands_total", "command"), "{{command}}"),
        },
        {
          title: "Commands without success",
          help: "Refusals are ordinary; server.… never is.",
          kind: "chart",
          unit: "reqps",
          stacked: true,
          queries: one(
            perSecond('foyer_gateway_commands_total{outcome!="success"}', "outcome"),
            "{{outcome}}",
          ),
        },
      ],
    },
  ],
};

const gateways: Dashboard = {
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
        {
          title: "CPU",
          help: "Cores. A gateway's event loop uses one at the most.",
          kind: "chart",
          unit: "short",
          queries: one(
            'rate(process_cpu_seconds_total[$__rate_interval]) and on (instance) foyer_build_info{role="gateway"}',
            "{{instance}}",
          ),
          thresholds: { warn: 0.7, alarm: 0.9 },
        },
        {
          title: "Memory",
          help: "Resident.",
          kind: "chart",
          unit: "bytes",
          queries: one(
            'process_resident_memory_bytes and on (instance) foyer_build_info{role="gateway"}',
            "{{instance}}",
          ),
        },
        {
          title: "Event loop",
          help: "How late the 99th percentile of timers fires.",
          kind: "chart",
          unit: "s",
          queries: one(
            'nodejs_eventloop_lag_p99_seconds and on (instance) foyer_build_info{role="gateway"}',
            "{{instance}}",
          ),
          thresholds: { warn: 0.05, alarm: 0.1 },
        },
      ],
    },
  ],
};

const core: Dashboard = {
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
        {
          title: "CPU",
          help: "Cores. A worker's event loop uses one at the most.",
          kind: "chart",
          unit: "short",
          queries: one(
            'rate(process_cpu_seconds_total[$__rate_interval]) and on (instance) foyer_build_info{role="core"}',
            "{{instance}}",
          ),
          thresholds: { warn: 0.7, alarm: 0.9 },
        },
        {
          title: "Memory",
          help: "Resident.",
          kind: "chart",
          unit: "bytes",
          queries: one(
            'process_resident_memory_bytes and on (instance) foyer_build_info{role="core"}',
            "{{instance}}",
          ),
        },
        {
          title: "Event loop",
          help: "How late the 99th percentile of timers fires.",
          kind: "chart",
          unit: "s",
          queries: one(
            'nodejs_eventloop_lag_p99_seconds and on (instance) foyer_build_info{role="core"}',
            "{{instance}}",
          ),
          thresholds: { warn: 0.05, alarm: 0.1 },
        },
      ],
    },
  ],
};

const stores: Dashboard = {
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

export const dashboards: readonly Dashboard[] = [attendees, gateways, core, stores];
