import t from "tap";
import type { Transaction } from "../sql/database.ts";
import { startTestWorker } from "./worker.ts";

const FUTURE = `${String(Date.now() + 3_600_000).padStart(14, "0")}-0000000000-000000`;

t.test("moderation", async (t) => {
  const { wire, sql, logIn, logInWithToken } = await startTestWorker(t);
  const moderator = await logInWithToken("moderator", ["moderator"]);
  const ask = async (action: string, payload: object, user = moderator) =>
    (await wire.ask({ user, frame: JSON.stringify([action, 1, payload]) })).json;
  const success = ["success", 1, {}];
  const rowOf = async (id: string) =>
    (
      await sql`select moderation_state, version::int as version, profile, client_state, client_id, token_id, pretalx_id,
        deleted_at is not null as deleted from users where world_id = 'w' and id = ${id}`
    )[0]!;
  const auditOf = async (id: string) =>
    await sql`select actor_id, event, data from audit_log where world_id = 'w' and user_id = ${id} order by id`;

  t.test(
    "what a connection that was cut off had sent on comes to nothing, also when all is forgiven",
    async (t) => {
      const profileOf = async (id: string) => (await rowOf(id)).profile;
      for (const action of ["user.ban", "user.silence"]) {
        const user = await logIn(action);
        const update = async (text: string, loginVersion: number | null, action = "user.update") =>
          await wire.ask({ user, loginVersion, frame: JSON.stringify([action, 1, { profile: { text } }]) });
        const before = Number((await rowOf(user)).version);
        await ask(action, { id: user });
        await ask("user.reactivate", { id: user });
        t.equal((await update("late", before)).json[2].code, "auth.denied", action);
        t.equal(
          (await wire.ask({ user, loginVersion: before, frame: `["user.block",1,{"id":"${moderator}"}]` }))
            .json[2].code,
          "auth.denied",
        );
        t.same(await profileOf(user), {});
        t.same((await update("new", before + 2)).json, success);
        t.same((await update("of a gateway that does not say it", null)).json, success);
        await ask(action, { id: user });
        await ask(action, { id: user });
        await ask("user.reactivate", { id: user });
        t.equal(
          (await update("late again", before + 2)).json[2].code,
          "auth.denied",
          "whatever it was before",
        );
        t.same(await profileOf(user), { text: "of a gateway that does not say it" });
      }
    },
  );

  t.test("ban, silence and reactivate change the state, the version and the audit log", async (t) => {
    const user = await logIn("m1");
    t.strictSame(await ask("user.silence", { id: user }), success);
    t.match(await rowOf(user), { moderation_state: "silenced", version: 2 });
    t.strictSame(await ask("user.ban", { id: user.toUpperCase() }), success);
    t.strictSame(await ask("user.ban", { id: user }), success, "twice is fine");
    t.match(await rowOf(user), { moderation_state: "banned", version: 3 });
    t.strictSame(await ask("user.silence", { id: user }), success, "a ban stays");
    t.match(await rowOf(user), { moderation_state: "banned", version: 3 });
    t.equal((await ask("user.update", { profile: { a: 1 } }, user))[2].code, "auth.denied");
    const login = await wire.ask({ frame: '["authenticate",{"client_id":"m1"}]' });
    t.equal(login.json[1].code, "auth.denied");
    t.strictSame(await ask("user.reactivate", { id: user }), success);
    t.match(await rowOf(user), { moderation_state: "", version: 4 });
    t.equal(await logIn("m1"), user);
    t.same(
      await auditOf(user),
      [
        { event: "silenced", data: { old: "" } },
        { event: "banned", data: { old: "silenced" } },
        { event: "reactivated", data: { old: "banned" } },
      ].map((row) => ({ actor_id: moderator, ...row })),
    );
  });

  t.test("a silenced user keeps what it takes to look on, and hears when it may do more", async (t) => {
    const user = await logIn("m2");
    const manager = await logInWithToken("manager", ["moderator"]);
    await ask("user.silence", { id: manager });
    t.equal((await ask("user.ban", { id: user }, manager))[2].code, "auth.denied");
    t.strictSame(await ask("user.update", { profile: { a: 1 } }, manager), success);
    const news = await wire.listen("w", manager);
    await ask("user.reactivate", { id: manager });
    t.match(await news.next(), { frame: null, accessChanged: true });
  });

  t.test("later wins: what entered the stream before the state that is there changes nothing", async (t) => {
    const user = await logIn("m3");
    await sql`update users set moderation_position = ${FUTURE} where id = ${user}`;
    t.strictSame(await ask("user.ban", { id: user }), success);
    t.match(await rowOf(user), { moderation_state: "", version: 1 });
  });

  t.test("oneself, nobody, and somebody deleted", async (t) => {
    const other = await logIn("closed", "closed").catch(() => null);
    t.equal(other, null);
    const foreign = await logInWithToken("foreign", ["ticket"], "closed");
    const gone = await logIn("m4");
    await ask("user.delete", { id: gone });
    for (const action of ["user.ban", "user.silence", "user.reactivate", "user.delete"]) {
      t.strictSame(await ask(action, { id: moderator }), ["error", 1, { code: `${action}.self` }]);
      for (const id of ["nobody", "00000000-0000-4000-8000-000000000000", foreign, gone]) {
        t.strictSame(await ask(action, { id }), ["error", 1, { code: "user.not_found" }]);
      }
      t.equal((await ask(action, { id: 5 }))[2].code, "user.invalid_body");
      t.equal((await ask(action, { id: moderator }, await logIn("m5")))[2].code, "auth.denied");
    }
  });

  t.test("delete empties the account, and the same token makes a new one", async (t) => {
    const user = await logInWithToken("reborn", ["speaker"]);
    await ask("user.update", { profile: { display_name: "Ada" }, client_state: { a: 1 } }, user);
    await ask("user.admin.update", { id: user, profile: { display_name: "Eve" }, pretalx_id: "SPEAKER" });
    await sql`insert into world_grants (world_id, user_id, role) values ('w', ${user}, 'admin')`;
    t.strictSame(await ask("user.delete", { id: user }), success);
    t.match(await rowOf(user), {
      ...{ deleted: true, profile: {}, client_state: {}, client_id: null, token_id: null, pretalx_id: null },
    });
    t.equal((await sql`select from world_grants where user_id = ${user}`).length, 0);
    t.same(
      (await auditOf(user)).map(({ event, data }) => [event, data]),
      [
        ["profile", {}],
        ["profile", {}],
        ["pretalx_id", {}],
        ["deleted", {}],
      ],
    );
    t.match((await ask("user.fetch", { id: user }))[2], { deleted: true, profile: {}, badges: [] });
    t.not(await logInWithToken("reborn", ["speaker"]), user);
    t.strictSame(await ask("user.ban", { id: user }), ["error", 1, { code: "user.not_found" }]);
  });

  t.test("a command that is delivered twice takes effect once and is answered alike", async (t) => {
    const user = await logIn("m6");
    const frame = JSON.stringify(["user.delete", 1, { id: user }]);
    for (let delivery = 1; delivery <= 2; delivery++) {
      t.strictSame((await wire.ask({ n: 900_001, user: moderator, frame })).json, success);
    }
    t.equal((await auditOf(user)).length, 1);
  });

  t.test(
    "user.admin.update changes somebody, tells its connections and names itself in the log",
    async (t) => {
      const user = await logIn("m7");
      const news = await wire.listen("w", user);
      const change = { id: user, profile: { display_name: "Bo" }, pretalx_id: "BO" };
      t.strictSame(await ask("user.admin.update", change), success);
      const { version, frame } = await news.next();
      t.equal(version, 2);
      t.match(JSON.parse(frame!), ["user.updated", { profile: { display_name: "Bo" }, pretalx_id: "BO" }]);
      t.strictSame(await ask("user.admin.update", change), success, "again, and nothing changes");
      t.strictSame(await ask("user.admin.update", { id: user, pretalx_id: "" }), success);
      t.match(await rowOf(user), { version: 3, pretalx_id: null });
      t.same(await auditOf(user), [
        {
          actor_id: moderator,
          event: "profile",
          data: { old: {}, new: { display_name: "Bo" }, by_admin: true },
        },
        { actor_id: moderator, event: "pretalx_id", data: { old: null, new: "BO", by_admin: true } },
        { actor_id: moderator, event: "pretalx_id", data: { old: "BO", new: null, by_admin: true } },
      ]);
    },
  );

  t.test("user.admin.update refuses what cannot be", async (t) => {
    const user = await logIn("m8");
    await ask("user.admin.update", { id: await logIn("m9"), pretalx_id: "TAKEN" });
    const path = async (payload: object) => {
      const [, , error] = await ask("user.admin.update", { id: user, ...payload });
      return [error.code, error.details?.path];
    };
    t.same(await path({ client_state: {} }), ["user.invalid_body", "/client_state"]);
    t.same(await path({ pretalx_id: "TAKEN" }), ["user.invalid_body", "/pretalx_id"]);
    t.same(await path({ pretalx_id: "x".repeat(201) }), ["user.invalid_body", "/pretalx_id"]);
    t.same(await path({ profile: { a: "\u0000" } }), ["user.invalid_body", "/profile/a"]);
    t.same(await path({ id: "nobody" }), ["user.not_found", undefined]);
    t.match(await rowOf(user), { version: 1 });
  });

  t.test("a ban waits for whoever acts under the lock, and is seen by whoever comes after it", async (t) => {
    const user = await logIn("m10");
    let asked: ReturnType<typeof ask>;
    await sql.begin(async (tx: Transaction) => {
      await tx`select from users where world_id = 'w' and id = ${user} for no key update`;
      asked = ask("user.ban", { id: user });
      await tx`update users set profile = '{"last": true}' where world_id = 'w' and id = ${user}`;
    });
    t.strictSame(await asked!, success);
    t.match(await rowOf(user), { moderation_state: "banned", profile: { last: true } });
  });
});

t.test("a fence", async (t) => {
  const { wire, sql, logIn, logInWithToken } = await startTestWorker(t);
  const moderator = await logInWithToken("moderator", ["moderator"]);
  const { redis, keys } = wire;
  const ban = (id: string) =>
    wire.ask({ user: moderator, frame: JSON.stringify(["user.ban", 1, { id }]) }).then(({ json }) => json);
  const lease = (gateway: string, ms: number) => redis.zadd(keys.leases("gateway"), Date.now() + ms, gateway);
  const raised = async () => {
    for (;;) {
      const [fence] = await redis.xrevrange(keys.fences(), "+", "-", "COUNT", 1);
      if (fence !== undefined) return fence;
    }
  };

  t.test(
    "is raised anew where Redis lost it, and the answer waits for every gateway that lives",
    async (t) => {
      const user = await logIn("f1");
      await lease("second", 60_000);
      const answer = ban(user);
      const [lost, fields] = await raised();
      t.same(fields, ["w", "w", "u", user, "v", "2"]);
      const [row] = await sql`select moderation_state from users where id = ${user}`;
      t.equal(row?.moderation_state, "banned", "the ban is committed before");
      await redis.del(keys.fences());
      const [fence] = await raised();
      t.not(fence, lost);
      let isAnswered = false;
      void answer.then(() => {
        isAnswered = true;
      });
      await wire.ask({ user: moderator, frame: '["user.fetch",1,{"ids":[]}]' });
      t.notOk(isAnswered);
      await redis.hset(keys.fencesConfirmed(), "second", fence);
      t.strictSame(await answer, ["success", 1, {}]);
    },
  );

  t.test("is raised again by a ban that is delivered again, before that is answered", async (t) => {
    await redis.zrem(keys.leases("gateway"), "second");
    const user = await logIn("f3");
    const command = { n: 900_002, user: moderator, frame: JSON.stringify(["user.ban", 1, { id: user }]) };
    for (let delivery = 1; delivery <= 2; delivery++) {
      const before = await redis.xlen(keys.fences());
      t.strictSame((await wire.ask(command)).json, ["success", 1, {}]);
      t.equal(await redis.xlen(keys.fences()), before + 1);
    }
  });

  t.test(
    "is raised for those who were connected before, also where the account is active again",
    async (t) => {
      for (const [i, action] of ["user.ban", "user.silence"].entries()) {
        const user = await logIn(`f4 ${action}`);
        const command = { n: 900_003 + i, user: moderator, frame: JSON.stringify([action, 1, { id: user }]) };
        t.strictSame((await wire.ask(command)).json, ["success", 1, {}]);
        await wire.ask({ user: moderator, frame: JSON.stringify(["user.reactivate", 1, { id: user }]) });
        const [before] = (await redis.xrevrange(keys.fences(), "+", "-", "COUNT", 1))[0]!;
        t.strictSame(
          (await wire.ask(command)).json,
          ["success", 1, {}],
          "its worker died before it was raised",
        );
        const raised = await redis.xrange(keys.fences(), `(${before}`, "+");
        t.same(
          raised.map(([, fields]) => fields),
          [["w", "w", "u", user, "v", "2"]],
          action,
        );
      }
    },
  );

  t.test("does not wait for a gateway whose lease has run out", async (t) => {
    await lease("second", 300);
    t.strictSame(await ban(await logIn("f2")), ["success", 1, {}]);
  });
});
