import { randomUUID } from "node:crypto";
import t from "tap";
import { startTestWorker } from "./worker.ts";

t.test("kiosks", async (t) => {
  const { wire, sql, logIn, logInWithToken } = await startTestWorker(t);
  const admin = await logInWithToken("admin", ["admin"]);
  const ask = async (action: string, payload: object, user = admin) =>
    (await wire.ask({ user, frame: JSON.stringify([action, 1, payload]) })).json;
  const logInWith = async (token: string, world = "w") =>
    (await wire.ask({ world, frame: JSON.stringify(["authenticate", { token }]) })).json;

  t.test("one is made, fetched, and logs in with its token", async (t) => {
    const [, , { user }] = await ask("user.kiosk.create", { profile: { display_name: "Foyer left" } });
    const [, , kiosk] = await ask("user.kiosk.fetch", { id: user });
    t.match(kiosk, { id: user, profile: { display_name: "Foyer left" }, client_state: {}, inactive: true });
    const [action, login] = await logInWith(kiosk.token);
    t.equal(action, "authenticated");
    t.equal(login["user.config"].id, user);
    t.ok(login["world.config"].permissions.includes("room:invite.anonymous"));
    t.notOk(login["world.config"].permissions.includes("room:chat.send"));
    t.equal(
      (await logInWith(kiosk.token, "closed"))[1].code,
      "auth.denied",
      "it is no account of another world",
    );

    await ask("user.admin.update", { id: user, client_state: { slide: 3 } });
    t.match((await ask("user.fetch", { id: user }))[2], { client_state: { slide: 3 } });

    await ask("user.delete", { id: user });
    t.equal((await logInWith(kiosk.token))[1].code, "auth.denied", "a token never makes an account");
    t.equal((await ask("user.kiosk.fetch", { id: user }))[2].code, "user.not_found");
    const rows = await sql`select from users where world_id = 'w' and type = 'kiosk' and deleted_at is null`;
    t.equal(rows.length, 0);
  });

  t.test("an id that is given makes the call repeatable", async (t) => {
    const id = randomUUID();
    for (let times = 1; times <= 2; times++) {
      t.strictSame(await ask("user.kiosk.create", { id: id.toUpperCase() }), ["success", 1, { user: id }]);
    }
    const path = async (given: string) => {
      const [, , error] = await ask("user.kiosk.create", { id: given });
      return [error.code, error.details.path];
    };
    for (const taken of ["no-uuid", admin]) {
      t.same(await path(taken), ["user.invalid_body", "/id"]);
    }
  });

  t.test("only those who may", async (t) => {
    const moderator = await logInWithToken("moderator", ["moderator"]);
    t.equal((await ask("user.kiosk.create", {}, moderator))[2].code, "auth.denied");
    const guest = await logIn("guest");
    t.equal((await ask("user.kiosk.fetch", { id: guest }, guest))[2].code, "auth.denied");
    t.equal((await ask("user.kiosk.fetch", { id: guest }, moderator))[2].code, "user.not_found");
  });
});
