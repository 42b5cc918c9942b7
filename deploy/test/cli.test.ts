/** The command line as a person and a script use it: real processes over real stores, and a real cluster. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text as readAll } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import jwt from "jsonwebtoken";
import t, { type Test } from "tap";
import { connectDatabase } from "../../core/sql/database.ts";
import { encodeCommands } from "../../shared/envelope.ts";
import { createLog } from "../../shared/log.ts";
import type { ReadyMessage } from "../../shared/node-process.ts";
import { connectRedis } from "../../shared/redis/connect.ts";
import { createKeys } from "../../shared/redis/keys.ts";
import { createTestStores } from "../../shared/testing/stores.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";

type Environment = Record<string, string>;

const program = fileURLToPath(new URL("../bin/foyer.mjs", import.meta.url));
const key = { secret: "0123456789abcdef0123456789abcdef", issuer: "tickets", audience: "w" };
const world = {
  world: { id: "w", title: "A World", JWT_secrets: [key] },
  rooms: [{ id: "stage", name: "Stage" }],
};

/** Starts `foyer`; its environment is what the test says, and where programs are. */
function start(args: string[], environment: Environment, stdio: ("pipe" | "ignore" | "ipc")[] = []) {
  // biome-ignore lint/style/noProcessEnv: a child finds programs and its home as we do
  const { PATH = "", HOME = "" } = process.env;
  return spawn(process.execPath, [program, ...args], { env: { PATH, HOME, ...environment }, stdio });
}

/** Runs `foyer` to its end. */
async function foyer(args: string[], environment: Environment = {}, input = "") {
  const child = start(args, environment);
  child.stdin!.end(input);
  const exit = once(child, "exit");
  const [out, err] = await Promise.all([readAll(child.stdout!), readAll(child.stderr!)]);
  return { status: (await exit)[0] as number, out, err };
}

async function setUp(t: Test): Promise<Environment> {
  const stores = await createTestStores(t);
  return {
    DATABASE_URL: stores.databaseUrl,
    REDIS_URL: stores.redisUrl,
    FOYER_REDIS_PREFIX: stores.redisPrefix,
  };
}

/** Fails the test with what the command wrote when it did not do its work. */
async function done(t: Test, args: string[], environment: Environment, input = ""): Promise<string> {
  const { status, out, err } = await foyer(args, environment, input);
  t.equal(status, 0, `foyer ${args.join(" ")}: ${err}`);
  return out;
}

const linesOf = (text: string) => text.trimEnd().split("\n");

t.test("help, version and settings are on stdout, wrong usage ends with 2", async (t) => {
  const help = await foyer(["--help"]);
  t.equal(help.status, 0);
  for (const command of "gateway core local migrate world token invite connect status dead".split(" ")) {
    t.match(help.out, new RegExp(`^  ${command}\\b`, "m"));
  }
  t.match(await done(t, ["--version"], {}), /^\d+\.\d+\.\d+$/m);
  for (const args of [
    ["--help", "settings"],
    ["help", "settings"],
  ]) {
    t.match(await done(t, args, {}), /^FOYER_PORT {2}\(default 8375/m);
  }
  t.match(await done(t, ["token", "--help"], {}), /Examples:\n {2}foyer token --world sample/);
  const wrong = [
    [],
    ["nonsense"],
    ["status", "--nonsense"],
    ["token", "--world", "w"],
    ["token", "--world", "w", "--uid", "u", "--expires-in", "soon"],
    ["token", "--world", "w", "--uid", "u", "--profile", "[]"],
    ["world", "delete", "w"],
    ["dead", "drop"],
    ["dead", "retry", "1-1", "--all"],
    ["connect", "http://127.0.0.1"],
    ["local", "--gateways", "0"],
  ];
  await Promise.all(
    wrong.map(async (args) => {
      const { status, out, err } = await foyer(args);
      t.equal(status, 2, `foyer ${args.join(" ")}: ${err}`);
      t.equal(out, "");
    }),
  );
});

t.test("a command says which settings are bad, and where it would look for stores", async (t) => {
  const bad = await foyer(["gateway"], { FOYER_PORT: "x", FOYER_NONSENSE: "1" });
  t.equal(bad.status, 1);
  for (const name of ["FOYER_PORT", "FOYER_NONSENSE", "REDIS_URL"]) t.match(bad.err, name);

  const none = await foyer(["world", "list", "--data", "/nonexistent"]);
  t.equal(none.status, 1);
  t.match(none.err, /^foyer: DATABASE_URL is not set .*foyer local.*\n$/);

  const away = await foyer(["world", "list"], { DATABASE_URL: "postgres://127.0.0.1:1/foyer" });
  t.equal(away.status, 1);
  t.match(away.err, /^foyer: Postgres does not answer .*DATABASE_URL.*\n$/);
});

t.test("the stores of a local cluster are found by its data folder, while it runs", async (t) => {
  const environment = await setUp(t);
  const data = mkdtempSync(join(tmpdir(), "foyer-cli-"));
  t.teardown(() => rmSync(data, { recursive: true }));
  const tell = (pid: number) =>
    writeFileSync(
      join(data, "cluster.json"),
      JSON.stringify({
        pid,
        database_url: environment.DATABASE_URL,
        redis_url: environment.REDIS_URL,
        redis_prefix: environment.FOYER_REDIS_PREFIX,
      }),
    );
  tell(process.pid);
  await done(t, ["world", "import", "-", "--data", data], {}, JSON.stringify(world));
  t.match(await done(t, ["world", "list", "--data", data], {}), /^w\b.*A World$/m);
  t.equal(await done(t, ["dead", "list", "--json", "--data", data], {}), "[]\n");
  const other = await foyer(["status", "--data", data], { DATABASE_URL: "postgres://other.example/foyer" });
  t.match(other.err, "REDIS_URL is not set", "a Redis is not taken from a cluster on another database");
  // No process has this pid: Linux' own limit is lower.
  tell(2 ** 30);
  t.match((await foyer(["world", "list", "--data", data])).err, "DATABASE_URL is not set");
});

t.test("migrate says what it did, and does nothing the second time", async (t) => {
  t.equal(await done(t, ["migrate"], await setUp(t)), "the schema is up to date\n");
});

t.test(
  "migrate --plan says what would be applied and who waits meanwhile, and applies nothing",
  async (t) => {
    const environment = await setUp(t);
    t.equal(await done(t, ["migrate", "--plan"], environment), "the schema is up to date\n");
    t.strictSame(JSON.parse(await done(t, ["migrate", "--plan", "--json"], environment)), { pending: [] });
    const sql = connectDatabase(environment.DATABASE_URL!, { max: 1, log: createLog("silent") });
    t.teardown(() => sql.end());
    await sql`drop trigger audit_log_append_only on audit_log`;
    await sql`drop function keep_audit_log`;
    await sql`delete from migrations where number = 7`;
    for (let look = 0; look < 2; look++) {
      const [head, row] = linesOf(await done(t, ["migrate", "--plan"], environment));
      t.match(head, /^migration +kind +meanwhile$/);
      t.match(row, /^0007-audit-append-only +expand +audit_log: writes wait \(share row exclusive\)$/);
    }
    t.strictSame(JSON.parse(await done(t, ["migrate", "--plan", "--json"], environment)).pending, [
      {
        name: "0007-audit-append-only",
        kind: "expand",
        locks: [{ table: "audit_log", mode: "share row exclusive", waits: "writes" }],
        unknown: [],
      },
    ]);
    t.equal(await done(t, ["migrate"], environment), "applied 0007-audit-append-only\n");
  },
);

t.test("worlds go in, are listed, come out the same, and are deleted", async (t) => {
  const environment = await setUp(t);
  const file = JSON.stringify({ ...world, exhibitors: [] });
  const first = await foyer(["world", "import", "-"], environment, file);
  t.equal(first.out, 'created world "w" with 1 room\n');
  t.match(first.err, /^warning: "exhibitors" .*\n$/);
  const again = JSON.parse(await done(t, ["world", "import", "--json", "-"], environment, file));
  t.strictSame(again, { world: "w", created: false, rooms: 1, skipped: ["exhibitors"] });
  t.strictSame(JSON.parse(await done(t, ["world", "list", "--json"], environment)), [
    { id: "w", title: "A World", rooms: 1, users: 0 },
  ]);
  const exported = await done(t, ["world", "export", "w"], environment);
  t.match(JSON.parse(exported), world);
  await done(t, ["world", "import", "-"], environment, exported);
  t.equal(await done(t, ["world", "export", "w"], environment), exported);
  await done(t, ["world", "delete", "w", "--yes"], environment);
  for (const args of [
    ["world", "export", "w"],
    ["world", "delete", "w", "--yes"],
  ]) {
    t.match(await foyer(args, environment), {
      status: 1,
      out: "",
      err: /^foyer: there is no world "w": .*\n$/,
    });
  }
});

t.test("a broken world file is refused whole, naming each fault", async (t) => {
  const environment = await setUp(t);
  const broken = await foyer(["world", "import", "-"], environment, '{"world": {"id": "w"}, "rooms": [{}]}');
  t.equal(broken.status, 1);
  const [head, ...faults] = linesOf(broken.err);
  t.match(head, /^foyer: stdin: .* nothing was imported$/);
  t.ok(faults.some((fault) => fault.startsWith("  $.world: expected ")));
  t.ok(faults.some((fault) => fault.startsWith("  $.rooms[0]: expected ")));
  for (const [text, place] of [
    ['{"world":\n  {"id": nope}}', "line 2, column 10"],
    ['{"world": {"id": "w"},}', "line 1, column 23"],
    ['{"world"', "line 1, column 9"],
    ['["a\tb"]', "line 1, column 2"],
    ["[1, 2] x", "line 1, column 8"],
    ["[01]", "line 1, column 2"],
    ["", "line 1, column 1"],
  ] as const) {
    t.match(await foyer(["world", "import", "-"], environment, text), { status: 1, err: place });
  }
  t.match(await foyer(["world", "import", "/nonexistent.json"], environment), {
    status: 1,
    err: /^foyer: \/nonexistent.json cannot be read: .*\n$/,
  });
});

t.test("a world is imported although Redis is away, with a warning", async (t) => {
  const environment = { ...(await setUp(t)), REDIS_URL: "redis://127.0.0.1:1" };
  const { status, err } = await foyer(["world", "import", "-"], environment, JSON.stringify(world));
  t.equal(status, 0);
  t.match(err, /^warning: connected users are not told .* 127\.0\.0\.1:1 .*\n$/);
});

t.test("tokens are signed as the world's key says", async (t) => {
  const environment = await setUp(t);
  const keys = [{ ...key, algorithm: "HS512" }];
  const file = { world: { ...world.world, JWT_secrets: keys } };
  await done(t, ["world", "import", "-"], environment, JSON.stringify(file));
  const options = "--world w --uid ada --traits speaker,admin --pretalx-id X1 --expires-in 90m".split(" ");
  const profile = ["--profile", '{"display_name": "Ada"}'];
  const printed = await done(t, ["token", ...options, ...profile], environment);
  const claims = jwt.verify(printed.trim(), key.secret, { algorithms: ["HS512"] }) as jwt.JwtPayload;
  t.match(claims, {
    iss: "tickets",
    aud: "w",
    uid: "ada",
    traits: ["speaker", "admin"],
    profile: { display_name: "Ada" },
    pretalx_id: "X1",
  });
  t.equal(claims.exp! - claims.iat!, 90 * 60);

  const keyless = JSON.stringify({ world: { id: "keyless", title: "" } });
  await done(t, ["world", "import", "-"], environment, keyless);
  for (const [id, why] of [
    ["keyless", "no key with a secret"],
    ["nowhere", "no world"],
  ] as const) {
    const failed = await foyer(["token", "--world", id, "--uid", "ada"], environment);
    t.match(failed, { status: 1, out: "", err: why });
    t.equal(linesOf(failed.err).length, 1);
  }
});

t.test("invites are for rooms that there are", async (t) => {
  const environment = await setUp(t);
  await done(t, ["world", "import", "-"], environment, JSON.stringify(world));
  t.match(await done(t, ["invite", "--world", "w", "--room", "stage"], environment), /^[\w-]{12}\n$/);
  const nowhere = await foyer(["invite", "--world", "w", "--room", "attic"], environment);
  t.match(nowhere, { status: 1, err: 'no room "attic": its rooms are stage' });
  t.match(await foyer(["invite", "--world", "x", "--room", "stage"], environment), {
    status: 1,
    err: 'no world "x"',
  });
});

t.test("status without nodes, and without Redis, says what is wrong and ends with 1", async (t) => {
  const environment = await setUp(t);
  const idle = await foyer(["status", "--json"], environment);
  t.equal(idle.status, 1);
  t.match(JSON.parse(idle.out), {
    ok: false,
    gateways: [],
    workers: [],
    backlog: 0,
    canary_age_seconds: null,
  });
  t.match(JSON.parse(idle.out).problems, [/gateway/, /worker/, /canary/]);
  const away = await foyer(["status", "--json"], { ...environment, REDIS_URL: "redis://127.0.0.1:1" });
  t.equal(away.status, 1);
  t.match(JSON.parse(away.out), { ok: false, problems: [/127\.0\.0\.1:1/], backlog: null });
});

t.test("dead letters are listed, retried and dropped", async (t) => {
  const environment = await setUp(t);
  const redis = connectRedis(environment.REDIS_URL!, "commands", createLog("silent"));
  t.teardown(() => redis.disconnect());
  await once(redis, "ready");
  const keys = createKeys(environment.FOYER_REDIS_PREFIX!);
  const command = {
    n: 1,
    connection: 1,
    world: "w",
    user: null,
    frame: '["user.fetch", 1, {}]',
    address: null,
    loginVersion: null,
  };
  const bytes = encodeCommands({ gateway: "g", sentAt: 0, commands: [command, { ...command, n: 2 }] });
  const bury = (e: Buffer | string, error: string) =>
    redis.xadd(keys.deadLetters(), "*", "e", e, "stream", 0, "entry", "1-1", "deliveries", 6, "error", error);
  const good = (await bury(bytes, "delivered 6 times"))!;
  const bad = (await bury("garbage", "not msgpack"))!;
  const listed = JSON.parse(await done(t, ["dead", "list", "--json"], environment));
  t.strictSame(listed, [
    {
      id: good,
      at: new Date(Number(good.split("-")[0])).toISOString(),
      deliveries: 6,
      command: "user.fetch",
      world: "w",
      error: "delivered 6 times",
    },
    { ...listed[1], id: bad, command: "unreadable", world: "unreadable", error: "not msgpack" },
  ]);
  t.equal(linesOf(await done(t, ["dead", "list"], environment)).length, 3);

  const unknown = await foyer(["dead", "drop", good, "1-1"], environment);
  t.match(unknown, { status: 1, err: /no dead letter 1-1:/ });
  const early = await foyer(["dead", "retry", good], environment);
  t.match(early, { status: 1, err: /foyer core/ }, "no worker has made the stream");
  t.equal(await redis.xlen(keys.deadLetters()), 2, "nothing is lost by either");

  await redis.xgroup("CREATE", keys.commandStream(0), "core", "0", "MKSTREAM");
  t.equal(await done(t, ["dead", "retry", good], environment), `retried ${good}\n`);
  const [entry] = await redis.xrangeBuffer(keys.commandStream(0), "-", "+");
  t.ok((entry as unknown as [Buffer, Buffer[]])[1][1]!.equals(bytes));
  t.equal(await redis.get(keys.backlog(0)), "2");
  t.equal(await done(t, ["dead", "drop", "--all"], environment), `dropped ${bad}\n`);
  t.strictSame(JSON.parse(await done(t, ["dead", "list", "--json"], environment)), []);
});

t.test("a cluster: status is well, connect talks to it, an import reaches those who listen", async (t) => {
  const environment = { ...(await setUp(t)), FOYER_PORT: "0", FOYER_OPS_PORT: "0", FOYER_DRAIN_SECONDS: "0" };
  await done(t, ["world", "import", "-"], environment, JSON.stringify(world));
  const startNode = async (role: string) => {
    const child = start([role], environment, ["ignore", "ignore", "ignore", "ipc"]);
    t.teardown(() => child.kill("SIGKILL"));
    const [ready] = (await once(child, "message")) as [ReadyMessage];
    return { child, ready };
  };
  const [worker, gateway] = await Promise.all([startNode("core"), startNode("gateway")]);
  const url = `ws://127.0.0.1:${gateway.ready.port}/ws/world/w`;
  const token = (await done(t, ["token", "--world", "w", "--uid", "ada"], environment)).trim();

  const listener = start(["connect", url, "--token", token], {}, ["ignore", "pipe", "pipe"]);
  t.teardown(() => listener.kill("SIGKILL"));
  let heard = "";
  listener.stdout!.on("data", (text: Buffer) => {
    heard += text.toString();
  });
  const heardErr = readAll(listener.stderr!);
  await waitFor("the listener's login", () => heard.startsWith('["authenticated",'));

  const frames = [
    '["user.update", "a", {"profile": {"display_name": "Ada"}}]',
    '["user.fetch", "b", {"ids": []}]',
    "",
    "nonsense",
    '["ping", 7]',
  ];
  const talk = await done(t, ["connect", url, "--token", token], {}, `${frames.join("\n")}\n`);
  const [first, ...answers] = linesOf(talk).map((line) => JSON.parse(line));
  t.equal(first[0], "authenticated");
  const hasAnswer = (frame: unknown[]) =>
    answers.some((answer) => frame.every((part, i) => JSON.stringify(answer[i]) === JSON.stringify(part)));
  for (const frame of [
    ["success", "a", {}],
    ["success", "b", {}],
    ["pong", 7],
  ]) {
    t.ok(hasAnswer(frame), JSON.stringify(answers));
  }
  t.ok(answers.some((answer) => answer[1]?.code === "protocol.invalid_message"));
  await waitFor("the other connection's news", () => heard.includes('"display_name":"Ada"'));

  const guest = await done(
    t,
    ["connect", url, "--client-id", "guest"],
    {},
    '["user.fetch", 1, {"ids": []}]\n',
  );
  t.equal(linesOf(guest).length, 2);
  t.match(await foyer(["connect", url, "--token", "x"], {}), {
    status: 1,
    out: /^\["error",.*auth\.invalid_token/,
    err: "auth.invalid_token",
  });
  t.match(await foyer(["connect", "ws://127.0.0.1:1/ws/world/w"], {}), { status: 1, out: "" });
  const endless = "x".repeat(4 * 2 ** 20 + 1);
  t.match(await foyer(["connect", url], {}, endless), { status: 1, err: /^foyer: a line of over .*\n$/ });

  const renamed = { ...world, world: { ...world.world, title: "Another Title" } };
  await done(t, ["world", "import", "-"], environment, JSON.stringify(renamed));
  await waitFor("world.updated", () => /^\["world\.updated".*Another Title/m.test(heard));

  const { status, out } = await foyer(["status", "--json"], environment);
  const { canary_age_seconds: canaryAge, ...told } = JSON.parse(out);
  t.equal(status, 0);
  t.strictSame(told, {
    ok: true,
    problems: [],
    gateways: [{ id: gateway.ready.id, connections: told.gateways[0].connections, draining: false }],
    workers: [{ id: worker.ready.id }],
    backlog: 0,
    oldest_pending_seconds: 0,
    dead_letters: 0,
  });
  t.ok(told.gateways[0].connections >= 1);
  t.ok(canaryAge >= 0 && canaryAge < 5);
  t.match(await done(t, ["status"], environment), /^state +all is well$/m);

  const ends = [listener, gateway.child].map((child) => once(child, "exit"));
  gateway.child.kill("SIGTERM");
  const [[listenerStatus], [gatewayStatus]] = (await Promise.all(ends)) as [[number], [number]];
  t.equal(gatewayStatus, 0);
  t.equal(listenerStatus, 1, "closed by the server");
  t.match(await heardErr, /^closed 1012/);
  worker.child.kill("SIGTERM");
  t.strictSame((await once(worker.child, "exit"))[0], 0);
});
