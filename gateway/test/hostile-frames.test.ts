/** Frames of a grammar made to break things, by somebody logged in, by a moderator, and by nobody. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { randomUUID } from "node:crypto";
import fc from "fast-check";
import t from "tap";
import { errors } from "../../shared/protocol/errors.ts";
import { connectClient, type Frame } from "../../shared/testing/client.ts";
import { runFoyer } from "../../shared/testing/cluster.ts";
import { holds } from "../../shared/testing/properties.ts";
import { hostileFrame, hostileJson, withEachText } from "./hostile-grammar.ts";
import { startStand } from "./hostile-stand.ts";
import { openWorld } from "./worlds.ts";

type Client = Awaited<ReturnType<typeof connectClient>>;

/** Closes that the protocol has for frames: too many that are none, too many failed logins. */
const CLOSES = [1003, 1008];

t.test("hostile frames", async (t) => {
  const stand = await startStand(t, {
    worlds: [openWorld],
    environment: { FOYER_RATE: "0", FOYER_MAX_FAILED_LOGINS_PER_IP: "0" },
  });
  const args = ["token", "--world", "w", "--uid", "moderator", "--traits", "admin"];
  const token = stand.secret((await runFoyer(args, stand.environment)).trim());
  let opened = 0;
  const connect = async (login: object | null) => {
    const gateway = stand.gateways[opened++ % stand.gateways.length]!;
    const client = await connectClient(gateway.world("w"));
    if (login !== null) await client.logIn(login);
    return client;
  };

  const parties: [string, () => object | null][] = [
    ["somebody logged in", () => ({ client_id: randomUUID() })],
    ["a moderator", () => ({ token })],
    ["nobody", () => null],
  ];
  for (const [who, login] of parties) {
    t.test(`${who}: each frame has one answer, with a documented code, and is nobody's bug`, async (t) => {
      let client = await connect(login());
      t.teardown(() => client.end());
      await holds(fc.array(hostileFrame, { minLength: 10, maxLength: 10 }), 10, async (frames) => {
        const { answers, isClosed } = await answersTo(client, frames);
        if (isClosed) client = await connect(login());
        for (const answer of answers) ok(isDocumented(answer), JSON.stringify(answer).slice(0, 300));
      });
      t.pass();
    });
  }

  t.test("what Postgres cannot hold is refused or nobody's, wherever a text can stand", async (t) => {
    const moderator = await connect({ token });
    for (const text of ["a\0b", "\ud800", "\udc00x", "\u0001\0"]) {
      for (const [action, body] of withEachText(text)) {
        const client = action === "authenticate" ? await connect(null) : moderator;
        client.send([action, 1, body]);
        const answer = await client.next();
        t.ok(isDocumented(answer), `${action} ${JSON.stringify(body)}: ${answer[0]}`);
        if (client !== moderator) client.end();
      }
    }
    moderator.end();
  });

  t.test("what is stored comes back as it was given, or was refused", async (t) => {
    const client = await connect(null);
    const other = await connect({ client_id: randomUUID() });
    const { "user.config": me } = await client.logIn({ client_id: randomUUID() });
    let stored: unknown = me.profile;
    await holds(hostileJson, 40, async (json) => {
      client.send(`["user.update","stored",{"profile":{"value":${json}}}]`);
      const [outcome, , problem] = await client.next();
      // A client sends what a double holds: that is what it means by more digits, or by -0.
      if (outcome === "success") stored = JSON.parse(JSON.stringify({ value: JSON.parse(json) }));
      else deepStrictEqual(problem.code, "user.invalid_body");
      const { body } = await other.ask("user.fetch", { id: me.id });
      deepStrictEqual(body.profile, stored);
    });
    client.end();
    other.end();
    t.pass();
  });

  t.test("a profile never takes more room than was allowed to be sent", async (t) => {
    const client = await connect({ client_id: randomUUID() });
    const profile = (count: number) => `{"numbers":[${Array.from({ length: count }, () => "1e308").join()}]}`;
    client.send(`["user.update",1,{"profile":${profile(4_000)}}]`);
    t.match(await client.next(), ["error", 1, { code: "user.invalid_body" }]);
    client.send(`["user.update",2,{"profile":${profile(100)}}]`);
    t.strictSame(await client.next(), ["success", 2, {}]);
    client.end();
  });

  t.test("meanwhile nobody else was harmed, and the log is clean", (t) => stand.check(t));
});

/**
 * Sends frames, and after each one that is always refused: since answers keep their order, what comes before that one's
 * is the frame's.
 */
async function answersTo(
  client: Client,
  frames: readonly string[],
): Promise<{ answers: Frame[]; isClosed: boolean }> {
  const run = randomUUID();
  frames.forEach((frame, i) => {
    client.send(frame);
    client.send(["user.no_such_thing", `${run} ${i}`, {}]);
  });
  const answers: Frame[] = [];
  for (let done = 0; done < frames.length; ) {
    const next = await client.next().catch(() => null);
    if (next === null) {
      const { code } = await client.closed();
      ok(CLOSES.includes(code), `closed with ${code}`);
      return { answers, isClosed: true };
    }
    if (next[1] === `${run} ${done}`) {
      done++;
      // A pong is given at once, and the others in their turn.
      ok(answers.filter(([action]) => action !== "pong").length <= done, `more answers than ${done} frames`);
    } else if (isAnswer(next)) answers.push(next);
  }
  ok(answers.length === frames.length, `${answers.length} answers to ${frames.length} frames`);
  return { answers, isClosed: false };
}

/** Not pushed: news of an account, or of the world. */
function isAnswer([action]: Frame): boolean {
  return action !== "user.updated" && action !== "world.updated";
}

function isDocumented(frame: Frame): boolean {
  if (frame[0] !== "error") return ["success", "authenticated", "pong"].includes(frame[0]);
  const { code } = frame.at(-1);
  return Object.hasOwn(errors, code) && code !== "server.fatal" && code !== "server.timeout";
}
