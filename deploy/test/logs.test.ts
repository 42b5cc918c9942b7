/** What a cluster logs, held against the table of events; and that a command can be followed through it. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import jwt from "jsonwebtoken";
import t, { type Test } from "tap";
import { describeLogs } from "../../shared/log-events.ts";
import { connectClient } from "../../shared/testing/client.ts";
import { runFoyer, startTestCluster } from "../../shared/testing/cluster.ts";
import { faultOf, type LogLine, parse } from "../../shared/testing/log-lines.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";

const key = { secret: "0123456789abcdef0123456789abcdef", issuer: "tickets", audience: "w" };
const world = {
  world: { id: "w", title: "W", JWT_secrets: [key] },
  roles: { attendee: ["world:view"], moderator: ["world:users.manage"] },
  trait_grants: { attendee: [], moderator: ["moderator"] },
};
const MARK = "written-by-a-client";

t.test("docs/logs.md is the table", async (t) => {
  t.equal(readFileSync(new URL("../../docs/logs.md", import.meta.url), "utf8"), describeLogs());
});

t.test("no line is anything but what the table says, and faults are found", async (t) => {
  const line = { time: "2026-01-01T00:00:00.000Z", level: "info", node: "n", role: "gateway" };
  const good = { ...line, event: "gateway drains", connections: 1 };
  t.equal(faultOf(JSON.stringify(good)), null);
  const bad: [text: string, fault: RegExp][] = [
    ["started", /no JSON/],
    [JSON.stringify({ ...good, event: "gateway dances" }), /no event/],
    [JSON.stringify({ ...good, level: "warn" }), /at warn/],
    [JSON.stringify({ ...good, role: "core" }), /from a core/],
    [JSON.stringify({ ...good, connections: "1" }), /not a number/],
    [JSON.stringify({ ...good, user: "u" }), /with user/],
    [JSON.stringify({ ...line, event: "gateway drains" }), /without connections/],
    [JSON.stringify(good).replace("{", '{"node":"first",'), /twice/],
  ];
  for (const [text, fault] of bad) t.match(faultOf(text), fault, text);
});

/** A cluster that logs from this level on, with somebody who may moderate. */
async function setUp(t: Test, level: string) {
  const lines: string[] = [];
  const cluster = await startTestCluster(t, {
    worlds: [world],
    environment: { FOYER_LOG_LEVEL: level },
    onLine: (line) => void lines.push(line),
  });
  const url = cluster.gateways[0]!.world("w");
  const tokenOf = (uid: string, ...traits: string[]) =>
    jwt.sign({ uid, traits }, key.secret, { issuer: key.issuer, audience: key.audience, expiresIn: 600 });
  const logIn = async (payload: object) => {
    const client = await connectClient(url);
    const { "user.config": me } = await client.logIn(payload);
    return Object.assign(client, { me });
  };
  const of = (event: string) =>
    lines.map(parse).filter((line): line is LogLine => line !== null && line.event === event);
  const check = (t: Test, secrets: string[]) => {
    t.strictSame(
      lines.flatMap((line) => faultOf(line) ?? []),
      [],
    );
    for (const secret of [...secrets, MARK, key.secret]) t.notMatch(lines.join("\n"), secret);
  };
  return { ...cluster, lines, url, tokenOf, logIn, of, check };
}

t.test(
  "at info: a line for each login that failed and each act of moderation, none for a command",
  async (t) => {
    const { url, tokenOf, logIn, of, check, environment, lines } = await setUp(t, "info");
    const token = tokenOf("moderator", "moderator");
    const wrong = `${token.slice(0, -4)}AAAA`;
    const failing = await connectClient(url, {}, "127.0.0.9");
    const failures = [
      [{ token: wrong }, "token", "auth.invalid_token"],
      [{}, "guest", "auth.missing_id_or_token"],
      [{ client_id: MARK, invite_token: MARK }, "invite", "auth.missing_token"],
    ] as const;
    for (const [payload] of failures) {
      failing.send(["authenticate", payload]);
      t.equal((await failing.next())[0], "error");
    }
    failing.end();
    const moderator = await logIn({ token });
    const troll = await logIn({ client_id: randomUUID() });
    const before = lines.length;
    for (let i = 0; i < 20; i++)
      await troll.ask("user.update", { profile: { display_name: `${MARK} ${i}` } });
    await troll.ask("user.fetch", { id: troll.me.id });
    await troll.ask("user.ban", { id: moderator.me.id });
    t.equal(lines.length, before, "commands, and what nobody was allowed to do, are no news");
    const acts = ["user.silence", "user.ban", "user.reactivate", "user.delete"];
    for (const act of acts) t.ok((await moderator.ask(act, { id: troll.me.id })).ok, act);
    await runFoyer(["user", "ban", "--world", "w", "--uid", "moderator"], environment);
    await waitFor("the last line", () => of("moderation").length === 5);

    const told = of("login failed");
    t.match(
      told,
      failures.map(([, method, outcome]) => ({ world: "w", method, outcome, addressRange: "127.0.0.0/24" })),
    );
    t.equal(told.length, failures.length);
    t.match(of("moderation"), [
      ...acts.map((command) => ({ command, world: "w", actor: moderator.me.id, user: troll.me.id })),
      { command: "operator.ban", actor: null, user: moderator.me.id },
    ]);
    check(t, [token, wrong]);
  },
);

t.test("at debug a command is on the gateway that answered it and on the worker that ran it", async (t) => {
  const { logIn, of, check } = await setUp(t, "debug");
  const client = await logIn({ client_id: randomUUID() });
  await client.ask("user.fetch", { id: client.me.id });
  await client.ask("user.fetch", { id: randomUUID() });
  await client.ask("user.update", { profile: { display_name: MARK } });
  const expected = [
    ["authenticate", "success"],
    ["user.fetch", "success"],
    ["user.fetch", "user.not_found"],
    ["user.update", "success"],
  ];
  await waitFor("all lines", () => of("command answered").length === 4 && of("command run").length === 4);
  const [answered, run] = [of("command answered"), of("command run")];
  t.strictSame(
    answered.map(({ command, outcome }) => [command, outcome]),
    expected,
  );
  for (const line of answered) {
    const same = run.filter(({ commandId }) => commandId === line.commandId);
    t.match(same, [{ command: line.command, outcome: line.outcome, world: "w", role: "core" }]);
    t.ok((line.durationMs as number) >= (same[0]!.durationMs as number), "a worker's part is not longer");
  }
  t.equal(new Set(answered.map(({ commandId }) => commandId)).size, 4);
  check(t, []);
});
