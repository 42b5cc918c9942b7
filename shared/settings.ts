/**
 * Every setting of every node, in one table: name, type, default, help, secrecy. Read once at start, by `main`;
 * all that is wrong is said in one message, and an unknown `FOYER_*` is refused rather than ignored.
 */
import { readFileSync } from "node:fs";
import { isIP } from "node:net";

type Environment = Readonly<Record<string, string | undefined>>;

/** How one setting is read: what it accepts and how a person names that. */
interface SettingType<T> {
  accepts: string;
  parse(text: string): T | undefined;
}

interface SettingRow<T = unknown> {
  type: SettingType<T>;
  default: T;
  help: string;
  /** Never logged, and readable from a file as `<NAME>_FILE`. */
  secret?: boolean;
}

const integer = (min: number, max: number): SettingType<number> => ({
  accepts: `a whole number from ${min} to ${max}`,
  parse: (text) => {
    const value = Number(text);
    return /^\d+$/.test(text) && value >= min && value <= max ? value : undefined;
  },
});

const port = integer(0, 65535);
const count = integer(0, 2 ** 31 - 1);

const rate: SettingType<number> = {
  accepts: "a number of 0 or more",
  parse: (text) => (/^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined),
};

const share: SettingType<number> = {
  accepts: "a number from 0 to 1",
  parse: (text) => (/^\d+(\.\d+)?$/.test(text) && Number(text) <= 1 ? Number(text) : undefined),
};

const idleTimeout: SettingType<number> = {
  accepts: "0, or a whole number from 8 to 960",
  parse: (text) => {
    const value = integer(0, 960).parse(text);
    return value === undefined || (value > 0 && value < 8) ? undefined : value;
  },
};

const flag: SettingType<boolean> = {
  accepts: "0 or 1",
  parse: (text) => (text === "1" ? true : text === "0" ? false : undefined),
};

const oneOf = <T extends string>(...values: T[]): SettingType<T> => ({
  accepts: values.join(", "),
  parse: (text) => values.find((value) => value === text),
});

const url = (...protocols: string[]): SettingType<string> => ({
  accepts: `a URL (${protocols.map((protocol) => `${protocol}//…`).join(", ")})`,
  parse: (text) => (URL.canParse(text) && protocols.includes(new URL(text).protocol) ? text : undefined),
});

const split = (text: string) =>
  text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");

const origins: SettingType<readonly string[]> = {
  accepts: "origins such as https://conf.example, comma-separated",
  parse: (text) => {
    const items = split(text);
    return items.every((item) => URL.canParse(item) && new URL(item).origin === item) ? items : undefined;
  },
};

const networks: SettingType<readonly string[]> = {
  accepts: "networks such as 10.0.0.0/8 or addresses, comma-separated",
  parse: (text) => {
    const items = split(text);
    const good = items.every((item) => {
      const [address = "", bits] = item.split("/");
      const family = isIP(address);
      if (family === 0) return false;
      return bits === undefined || integer(0, family === 4 ? 32 : 128).parse(bits) !== undefined;
    });
    return good ? items : undefined;
  },
};

const prefix: SettingType<string> = {
  accepts: "1 to 40 of the characters A–Z a–z 0–9 _ - .",
  parse: (text) => (/^[\w.-]{1,40}$/.test(text) ? text : undefined),
};

const anyText: SettingType<string | undefined> = {
  accepts: "a text",
  parse: (value) => value,
};

const row = <T>(
  type: SettingType<T>,
  fallback: T,
  help: string,
  extra: { secret?: boolean } = {},
): SettingRow<T> => ({ type, default: fallback, help, ...extra });

const databaseUrl = url("postgres:", "postgresql:");
/** Several hosts are none to `URL`: each is looked at by itself. */
const redisUrl: SettingType<string> = {
  accepts:
    "a URL (redis://…, rediss://…, redis+sentinel://host:port,host:port/master, redis+cluster://host:port,host:port)",
  parse: (text) => {
    const [, start = "", hosts = "", path = ""] = /^([a-z+]+:\/\/(?:[^@/]*@)?)([^/]*)(.*)$/.exec(text) ?? [];
    const single = /^rediss?:/.test(start);
    if (!single && !/^redis\+(sentinel|cluster):/.test(start)) return undefined;
    const list = single ? [hosts] : hosts.split(",");
    return list.every((host) => host !== "" && URL.canParse(`${start}${host}${path}`)) ? text : undefined;
  },
};
const web = url("http:", "https:");
const none: string | undefined = undefined;

/** The table. The comments of `docs/operations.md` are made from it. */
export const settingRows = {
  DATABASE_URL: row<string | undefined>(databaseUrl, none, "Postgres; needed by all but the gateway", {
    secret: true,
  }),
  REDIS_URL: row<string | undefined>(
    redisUrl,
    none,
    "Redis: redis://host:port, redis+sentinel://host:port,host:port/master or redis+cluster://host:port,host:port",
    { secret: true },
  ),
  FOYER_PORT: row(
    port,
    8375,
    "the gateway's public port: WebSocket, social login, health; 0 picks a free one",
  ),
  FOYER_OPS_PORT: row(
    port,
    9375,
    "/metrics, /healthz, /readyz of any node, never public; 0 picks a free one",
  ),
  FOYER_PUBLIC_URL: row(url("http:", "https:"), "http://localhost:8375", "base of links handed out"),
  FOYER_REDIS_PREFIX: row(prefix, "foyer", "first part of every Redis key and channel"),
  FOYER_ORIGINS: row<readonly string[]>(
    origins,
    [],
    "browser origins let in, besides the world's own; empty lets in any",
  ),
  FOYER_TRUSTED_PROXIES: row<readonly string[]>(
    networks,
    [],
    "networks whose X-Forwarded-For header is believed",
  ),
  FOYER_MAX_CONNECTIONS: row(count, 100_000, "connections on one gateway; beyond: 503 on upgrade; 0 is off"),
  FOYER_MAX_CONNECTIONS_PER_IP: row(count, 0, "connections from one address on one gateway; 0 is off"),
  FOYER_MAX_FAILED_LOGINS_PER_IP: row(
    count,
    60,
    "failed logins from one address in a minute, over the whole cluster; 0 is off",
  ),
  FOYER_MAX_MESSAGE_BYTES: row(integer(1024, 16 * 2 ** 20), 65_536, "largest message that a client may send"),
  FOYER_MAX_SEND_BUFFER_BYTES: row(
    count,
    1_048_576,
    "unsent bytes on one connection before it is closed as too slow; 0 is off",
  ),
  FOYER_MAX_QUEUE: row(count, 128, "commands waiting on one connection; 0 is off"),
  FOYER_RATE: row(rate, 50, "commands a second on one connection; 0 is off"),
  FOYER_RATE_BURST: row(count, 100, "commands that a connection may send at once before FOYER_RATE counts"),
  FOYER_UPDATE_RATE: row(rate, 5, "user.update a second for one user, over the whole cluster; 0 is off"),
  FOYER_UPDATE_RATE_BURST: row(count, 20, "user.update at once before FOYER_UPDATE_RATE counts"),
  FOYER_MAX_BACKLOG: row(count, 100_000, "commands in one command stream before server.overloaded; 0 is off"),
  FOYER_COMMAND_STREAMS: row(
    integer(1, 256),
    1,
    "command streams, spread by account; the same on every node of a cluster",
  ),
  FOYER_AUTH_TIMEOUT_MS: row(count, 30_000, "time to authenticate before a connection is closed; 0 is off"),
  FOYER_COMMAND_TIMEOUT_MS: row(integer(1, 600_000), 10_000, "time for an answer before server.timeout"),
  FOYER_IDLE_TIMEOUT_S: row(
    idleTimeout,
    120,
    "a connection that sends nothing for so long, not even a pong, is closed; 0 is off",
  ),
  FOYER_DRAIN_SECONDS: row(integer(0, 3600), 30, "time over which a stopping gateway closes its connections"),
  FOYER_LOG_LEVEL: row(
    oneOf("fatal", "error", "warn", "info", "debug", "trace", "silent"),
    "info",
    "least level that is logged",
  ),
  OTEL_EXPORTER_OTLP_ENDPOINT: row<string | undefined>(
    web,
    none,
    "OpenTelemetry collector for traces of commands (OTLP over HTTP, JSON); without it there are none",
  ),
  OTEL_EXPORTER_OTLP_HEADERS: row(anyText, none, "headers for it: name=value, comma-separated", {
    secret: true,
  }),
  OTEL_TRACES_SAMPLER_ARG: row(share, 1, "share of commands that are traced, the same on all nodes"),
  FOYER_SOCIAL_TWITTER_CLIENT_ID: row(
    anyText,
    none,
    "id of our client at X (Twitter); without id and secret it is off",
  ),
  FOYER_SOCIAL_TWITTER_CLIENT_SECRET: row(anyText, none, "secret of that client", { secret: true }),
  FOYER_SOCIAL_TWITTER_AUTHORIZE_URL: row(
    web,
    "https://x.com/i/oauth2/authorize",
    "where people log in at X (Twitter); a scope given in it is kept",
  ),
  FOYER_SOCIAL_TWITTER_TOKEN_URL: row(
    web,
    "https://api.x.com/2/oauth2/token",
    "where X (Twitter) exchanges codes",
  ),
  FOYER_SOCIAL_TWITTER_PROFILE_URL: row(
    web,
    "https://api.x.com/2/users/me",
    "where X (Twitter) says who somebody is",
  ),
  FOYER_SOCIAL_LINKEDIN_CLIENT_ID: row(
    anyText,
    none,
    "id of our client at LinkedIn; without id and secret it is off",
  ),
  FOYER_SOCIAL_LINKEDIN_CLIENT_SECRET: row(anyText, none, "secret of that client", { secret: true }),
  FOYER_SOCIAL_LINKEDIN_AUTHORIZE_URL: row(
    web,
    "https://www.linkedin.com/oauth/v2/authorization",
    "where people log in at LinkedIn; a scope given in it is kept",
  ),
  FOYER_SOCIAL_LINKEDIN_TOKEN_URL: row(
    web,
    "https://www.linkedin.com/oauth/v2/accessToken",
    "where LinkedIn exchanges codes",
  ),
  FOYER_SOCIAL_LINKEDIN_PROFILE_URL: row(
    web,
    "https://api.linkedin.com/v2/userinfo",
    "where LinkedIn says who somebody is",
  ),
  FOYER_LOCAL_RESTART_STORES: row(
    flag,
    false,
    "foyer local: restart Postgres and Redis, too, when they die (1 is on)",
  ),
} as const satisfies Record<string, SettingRow<never> | SettingRow<unknown>>;

/** The name of a setting. */
export type SettingName = keyof typeof settingRows;

/** All settings with their values. */
export type Settings = {
  readonly [N in SettingName]: (typeof settingRows)[N] extends SettingRow<infer T> ? T : never;
};

/** Bad settings: the message names every one, what it was and what it accepts. */
export class SettingsError extends Error {
  constructor(problems: string[]) {
    super(`Bad settings:\n${problems.map((problem) => `  ${problem}`).join("\n")}`);
    this.name = "SettingsError";
  }
}

/**
 * Reads all settings.
 *
 * @param environment where they stand, `process.env` outside tests
 * @param required settings that must be given
 * @throws SettingsError naming every bad, missing or unknown setting
 */
export function readSettings<R extends SettingName = never>(
  environment: Environment,
  required: readonly R[] = [],
): Settings & { readonly [N in R]: NonNullable<Settings[N]> } {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries<SettingRow>(settingRows)) {
    const text = readText(environment, name, setting, problems);
    if (text === undefined || text === "") {
      values[name] = setting.default;
      if ((required as readonly string[]).includes(name)) {
        problems.push(`${name} is missing: ${setting.help}`);
      }
      continue;
    }
    const value = setting.type.parse(text);
    if (value === undefined) {
      const shown = setting.secret ? "its value" : JSON.stringify(text);
      problems.push(`${name}: ${shown} is not ${setting.type.accepts}`);
    }
    values[name] = value;
  }
  for (const name of Object.keys(environment)) {
    if (name.startsWith("FOYER_") && !isSettingName(name)) {
      problems.push(`${name} is no setting of Foyer; "foyer --help settings" lists them`);
    }
  }
  if (problems.length > 0) throw new SettingsError(problems);
  return values as Settings & { readonly [N in R]: NonNullable<Settings[N]> };
}

function isSettingName(name: string): boolean {
  if (Object.hasOwn(settingRows, name)) return true;
  const base = name.replace(/_FILE$/, "");
  return base !== name && (settingRows as Record<string, SettingRow>)[base]?.secret === true;
}

function readText(environment: Environment, name: string, setting: SettingRow, problems: string[]) {
  const file = setting.secret ? environment[`${name}_FILE`] : undefined;
  if (file === undefined || file === "") return environment[name];
  if (environment[name]) {
    problems.push(`${name} and ${name}_FILE are both given: keep one`);
    return environment[name];
  }
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    problems.push(`${name}_FILE: ${(error as Error).message}`);
    return undefined;
  }
}

/** The table as text, one setting a paragraph, for `foyer --help settings`. */
export function describeSettings(): string {
  return Object.entries<SettingRow>(settingRows)
    .map(([name, setting]) => {
      const fallback = Array.isArray(setting.default) ? setting.default.join(",") : setting.default;
      const shown = fallback === undefined || fallback === "" ? "none" : Number(fallback) || String(fallback);
      const file = setting.secret ? `; or ${name}_FILE` : "";
      return `${name}  (default ${shown}${file})\n    ${setting.help}; ${setting.type.accepts}`;
    })
    .join("\n");
}
