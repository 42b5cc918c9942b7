/** The operations contract, word for word: the command line, the settings with their defaults, what the metrics are called. */
import t from "tap";
import { settingRows } from "../../shared/settings.ts";
import { runFoyer, startTestCluster } from "../../shared/testing/cluster.ts";

/** What operators and their scripts type. */
const commandLine: Record<string, string[]> = {
  gateway: [],
  core: [],
  local: ["--gateways", "--workers", "--port", "--world", "--data", "--ready-file"],
  migrate: [],
  "world import": [],
  "world export": [],
  "world list": [],
  "world delete": ["--yes"],
  token: ["--world", "--uid", "--traits", "--profile", "--pretalx-id", "--expires-in"],
  invite: ["--world", "--room", "--expires-in"],
  "user show": ["--world", "--id", "--uid", "--client-id"],
  "user ban": ["--world", "--id", "--uid", "--client-id"],
  "user silence": ["--world", "--id", "--uid", "--client-id"],
  "user reactivate": ["--world", "--id", "--uid", "--client-id"],
  "user delete": ["--world", "--id", "--uid", "--client-id"],
  "user grant": ["--world", "--id", "--uid", "--client-id", "--role", "--room"],
  "user revoke": ["--world", "--id", "--uid", "--client-id", "--role", "--room"],
  reload: ["--world", "--over"],
  status: ["--json"],
  "dead list": ["--json"],
  "dead retry": [],
  "dead drop": [],
  connect: ["--client-id", "--token", "--invite"],
};

const social = ["CLIENT_ID", "CLIENT_SECRET", "AUTHORIZE_URL", "TOKEN_URL", "PROFILE_URL"];

/** By name, as one would type it; null: none, or whatever the network has. */
const settings: Record<string, string | null> = {
  DATABASE_URL: null,
  REDIS_URL: null,
  FOYER_PORT: "8375",
  FOYER_OPS_PORT: "9375",
  FOYER_PUBLIC_URL: "http://localhost:8375",
  FOYER_REDIS_PREFIX: "foyer",
  FOYER_ORIGINS: null,
  FOYER_TRUSTED_PROXIES: null,
  FOYER_MAX_CONNECTIONS: "100000",
  FOYER_MAX_CONNECTIONS_PER_IP: "0",
  FOYER_MAX_FAILED_LOGINS_PER_IP: "60",
  FOYER_MAX_MESSAGE_BYTES: "65536",
  FOYER_MAX_SEND_BUFFER_BYTES: "1048576",
  FOYER_MAX_QUEUE: "128",
  FOYER_RATE: "50",
  FOYER_RATE_BURST: "100",
  FOYER_UPDATE_RATE: "5",
  FOYER_UPDATE_RATE_BURST: "20",
  FOYER_MAX_BACKLOG: "100000",
  FOYER_COMMAND_STREAMS: "1",
  FOYER_AUTH_TIMEOUT_MS: "30000",
  FOYER_COMMAND_TIMEOUT_MS: "10000",
  FOYER_IDLE_TIMEOUT_S: "120",
  FOYER_DRAIN_SECONDS: "30",
  FOYER_LOG_LEVEL: "info",
  ...Object.fromEntries(
    ["TWITTER", "LINKEDIN"].flatMap((network) =>
      social.map((what) => [`FOYER_SOCIAL_${network}_${what}`, null]),
    ),
  ),
};

const ofGateway = {
  connections: "gauge",
  connections_opened_total: "counter",
  connections_closed_total: "counter",
  commands_total: "counter",
  command_duration_seconds: "histogram",
  authentications_total: "counter",
  messages_sent_total: "counter",
  bytes_sent_total: "counter",
  slow_consumers_total: "counter",
  fanout_delay_seconds: "histogram",
  resyncs_total: "counter",
  canary_age_seconds: "gauge",
  pubsub_connected: "gauge",
  rate_limited_total: "counter",
  inflight_commands: "gauge",
  draining: "gauge",
};

const ofCore = {
  commands_total: "counter",
  command_duration_seconds: "histogram",
  queue_wait_seconds: "histogram",
  batch_size: "histogram",
  pending_entries: "gauge",
  oldest_pending_seconds: "gauge",
  stream_length: "gauge",
  claimed_total: "counter",
  dead_letters_total: "counter",
  duplicates_suppressed_total: "counter",
  db_query_duration_seconds: "histogram",
  db_pool_waiting: "gauge",
  ban_enforcement_seconds: "histogram",
  leader: "gauge",
};

t.test("the command line has every command and option", async (t) => {
  for (const [command, options] of Object.entries(commandLine)) {
    const help = await runFoyer([...command.split(" "), "--help"], {});
    t.match(help, new RegExp(`^Usage: foyer ${command}\\b`, "m"), command);
    for (const option of options) t.match(help, new RegExp(`^ .*${option}\\b`, "m"), `${command} ${option}`);
  }
});

t.test("foyer --help settings has every setting with its default", async (t) => {
  const shown = await runFoyer(["--help", "settings"], {});
  for (const [name, value] of Object.entries(settings)) {
    t.ok(Object.hasOwn(settingRows, name), name);
    const line = shown.split("\n").find((each) => each.startsWith(`${name} `)) ?? "";
    if (value !== null) t.ok(line.includes(`default ${value})`) || line.includes(`default ${value},`), line);
  }
});

t.test("the metrics have these names and kinds, and build info", async (t) => {
  const { gateways, workers } = await startTestCluster(t);
  const nodes = [
    ["gateway", gateways[0]!.ops, ofGateway],
    ["core", workers[0]!.ops, ofCore],
  ] as const;
  for (const [role, ops, names] of nodes) {
    const text = await (await fetch(`${ops}/metrics`)).text();
    for (const [name, kind] of Object.entries(names)) {
      t.ok(text.includes(`# TYPE foyer_${role}_${name} ${kind}\n`), `foyer_${role}_${name} is a ${kind}`);
    }
    t.match(text, /^foyer_build_info\{/m);
    t.match(text, /^process_cpu_seconds_total /m);
  }
});
