/** Settings: what a node takes from its environment, and what it says about all that is wrong there. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { describeSettings, readSettings, type SettingName, SettingsError, settingRows } from "../settings.ts";

const stores = { DATABASE_URL: "postgres://db/foyer", REDIS_URL: "redis://cache:6379" };

/** The lines about what is wrong, without the heading. */
function problemsOf(environment: Record<string, string>, required: SettingName[] = []): string[] {
  try {
    readSettings(environment, required);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return error.message
      .split("\n")
      .slice(1)
      .map((line) => line.trim());
  }
  return [];
}

t.test("what is not given, or given as nothing, has its default", async (t) => {
  const settings = readSettings({ FOYER_PORT: "", DATABASE_URL: "", PATH: "/bin" });
  for (const [name, row] of Object.entries(settingRows)) {
    t.same(settings[name as SettingName], row.default, name);
  }
});

t.test("what is given is read as its type", async (t) => {
  const settings = readSettings({
    ...stores,
    FOYER_PORT: "0",
    FOYER_RATE: "0.5",
    FOYER_ORIGINS: "https://conf.example, http://localhost:8080,",
    FOYER_TRUSTED_PROXIES: "10.0.0.0/8,fd00::/8,127.0.0.1",
    FOYER_LOG_LEVEL: "debug",
    FOYER_LOCAL_RESTART_STORES: "1",
    FOYER_IDLE_TIMEOUT_S: "0",
    FOYER_REDIS_PREFIX: "conf-2.a_b",
  });
  t.match(settings, {
    ...stores,
    FOYER_PORT: 0,
    FOYER_RATE: 0.5,
    FOYER_ORIGINS: ["https://conf.example", "http://localhost:8080"],
    FOYER_TRUSTED_PROXIES: ["10.0.0.0/8", "fd00::/8", "127.0.0.1"],
    FOYER_LOG_LEVEL: "debug",
    FOYER_LOCAL_RESTART_STORES: true,
    FOYER_IDLE_TIMEOUT_S: 0,
    FOYER_REDIS_PREFIX: "conf-2.a_b",
  });
});

t.test("one message names every bad value with what it accepts", async (t) => {
  const bad = {
    DATABASE_URL: "mysql://db",
    REDIS_URL: "cache:6379",
    FOYER_PORT: "65536",
    FOYER_OPS_PORT: "80.5",
    FOYER_PUBLIC_URL: "ws://conf.example",
    FOYER_REDIS_PREFIX: "a:b",
    FOYER_ORIGINS: "https://conf.example/path",
    FOYER_TRUSTED_PROXIES: "10.0.0.0/33",
    FOYER_MAX_QUEUE: "-1",
    FOYER_MAX_MESSAGE_BYTES: "1023",
    FOYER_RATE: "fast",
    FOYER_COMMAND_STREAMS: "0",
    FOYER_COMMAND_TIMEOUT_MS: "0",
    FOYER_IDLE_TIMEOUT_S: "7",
    FOYER_LOG_LEVEL: "loud",
    FOYER_LOCAL_RESTART_STORES: "yes",
  };
  const problems = problemsOf(bad);
  t.equal(problems.length, Object.keys(bad).length);
  for (const [name, value] of Object.entries(bad)) {
    const shown = name.endsWith("_URL") && !name.startsWith("FOYER_") ? "its value" : JSON.stringify(value);
    const accepted = settingRows[name as SettingName].type.accepts;
    t.ok(problems.includes(`${name}: ${shown} is not ${accepted}`), name);
  }
});

t.test("a secret's value is never shown", async (t) => {
  const problems = problemsOf({ DATABASE_URL: "db://foyer:hush@db/foyer" });
  t.match(problems, ["DATABASE_URL: its value is not a URL (postgres://…, postgresql://…)"]);
  t.notMatch(problems.join(), /hush/);
});

t.test("what is required and missing is named with what it is for", async (t) => {
  t.same(problemsOf({ REDIS_URL: "" }, ["DATABASE_URL", "REDIS_URL"]), [
    `DATABASE_URL is missing: ${settingRows.DATABASE_URL.help}`,
    `REDIS_URL is missing: ${settingRows.REDIS_URL.help}`,
  ]);
});

t.test("an unknown FOYER_* is refused, what others call theirs is not", async (t) => {
  const problems = problemsOf({ FOYER_PROT: "1", FOYER_PORT_FILE: "/port", OTHER: "1" });
  t.equal(problems.length, 2, "only secrets can stand in files");
  t.match(problems[0], /^FOYER_PROT is no setting of Foyer/);
  t.match(problems[1], /^FOYER_PORT_FILE is no setting of Foyer/);
});

t.test("a secret is read from the file that _FILE names, without its last line break", async (t) => {
  const file = join(t.testdir(), "database-url");
  writeFileSync(file, `${stores.DATABASE_URL}\n`);
  const { DATABASE_URL } = readSettings({ DATABASE_URL_FILE: file }, ["DATABASE_URL"]);
  t.equal(DATABASE_URL, stores.DATABASE_URL);
  const [problem, ...others] = problemsOf({ DATABASE_URL_FILE: `${file}.gone` });
  t.match(problem, /^DATABASE_URL_FILE: ENOENT.*database-url\.gone/);
  t.same(others, []);
});

t.test("a secret that is given directly and as a file is refused", async (t) => {
  t.same(problemsOf({ ...stores, REDIS_URL_FILE: "/nowhere" }), [
    "REDIS_URL and REDIS_URL_FILE are both given: keep one",
  ]);
  t.same(problemsOf({ ...stores, REDIS_URL_FILE: "" }), [], "an empty name is no file");
});

t.test("the list of settings shows each one with its default and help", async (t) => {
  const list = describeSettings();
  for (const [name, row] of Object.entries(settingRows)) {
    t.match(list, `\n${name}  (default `.slice(name === "DATABASE_URL" ? 1 : 0), name);
    t.match(list, row.help, name);
  }
  t.match(list, "FOYER_PORT  (default 8375)");
  t.match(list, "REDIS_URL  (default none; or REDIS_URL_FILE)");
});
