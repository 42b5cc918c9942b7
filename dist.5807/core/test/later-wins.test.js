/**
 * Later wins (docs/architecture.md): what each writing command does when its worker died and it is run seconds late,
 * after what entered the stream behind it. It succeeds and changes nothing.
 */
import fc from "fast-check";
import t from "tap";
import { holds } from "../../shared/testing/properties.js";
import { moderationAfter } from "../moderation-order.js";
import { positionOf } from "../position.js";
import { pruneTiePositions } from "../sql/tie-positions.js";
import { compileTokenKeys, signToken } from "../tokens.js";
import { startTestWorker, testWorld } from "./worker.js";
const key = compileTokenKeys(testWorld.world.JWT_secrets)[0];
t.test("a command that comes late changes nothing that entered the stream after it", async (t) => {
    const { wire, sql, logIn, logInWithToken } = await startTestWorker(t);
    const admin = await logInWithToken("admin", ["admin", "moderator"]);
    const frame = (action, body) => JSON.stringify([action, 1, body]);
    const tokenOf = (uid, traits, pretalxId) => signToken(key, { uid, traits, expiresInSeconds: 60, ...(pretalxId ? { pretalxId } : {}) });
    const login = (...token) => JSON.stringify(["authenticate", { token: tokenOf(...token) }]);
    const operator = (action, id, role, room = null) => ({
        connection: 0,
        frame: frame(`operator.${action}`, { target: { id }, role, room }),
    });
    const ask = async (action, body, user = admin) => t.match((await wire.ask({ user, frame: frame(action, body) })).json, ["success"]);
    /** Puts commands in the stream, runs others behind them, and has the first ones claimed then. */
    const late = async (commands, meanwhile) => {
        const { replies } = await wire.sendLate(commands);
        await meanwhile();
        const audited = await sql `select max(id) as id from audit_log`;
        for (const { frame } of await replies) {
            const text = typeof frame === "string" ? frame : frame.join("");
            t.match(text, /^\["(success|authenticated)"/);
        }
        t.same(await sql `select max(id) as id from audit_log`, audited, "and writes no audit row");
    };
    const blocksOf = async (user) => (await wire.ask({ user, frame: frame("user.list.blocked", {}) })).json[2].map((blocked) => blocked.id);
    t.test("user.block and user.unblock", async (t) => {
        const [ada, bob, eve, zoe] = [await logIn("b1"), await logIn("b2"), await logIn("b3"), await logIn("b4")];
        await ask("user.block", { id: eve }, ada);
        await late([
            { user: ada, frame: frame("user.block", { id: bob }) },
            { user: ada, frame: frame("user.unblock", { id: eve }) },
            { user: ada, frame: frame("user.block", { id: zoe }) },
        ], async () => {
            await ask("user.unblock", { id: bob.toUpperCase() }, ada);
            await ask("user.block", { id: eve }, ada);
            await ask("user.block", { id: zoe }, ada);
        });
        t.same((await blocksOf(ada)).sort(), [eve, zoe].sort());
    });
    t.test("grants and revocations", async (t) => {
        const user = await logIn("g1");
        const send = async (...command) => t.match((await wire.ask(operator(...command))).json, ["success"]);
        await send("grant", user, "admin");
        await late([
            operator("grant", user, "moderator"),
            operator("grant", user, "moderator", "stage"),
            operator("revoke", user, "admin"),
        ], async () => {
            await send("revoke", user, "moderator");
            await send("revoke", user, "moderator", "stage");
            await send("grant", user, "admin");
        });
        t.same([...(await sql `select role from world_grants where user_id = ${user}`)], [{ role: "admin" }]);
        t.same([...(await sql `select role from room_grants where user_id = ${user}`)], []);
    });
    t.test("user.admin.update and user.update", async (t) => {
        const [user, other] = [await logIn("u1"), await logIn("u2")];
        await ask("user.admin.update", { id: other, pretalx_id: "OLD" });
        const kiosk = (await wire.ask({ user: admin, frame: frame("user.kiosk.create", {}) })).json[2].user;
        await late([
            { user: admin, frame: frame("user.admin.update", { id: user, profile: { by: "admin" } }) },
            { user: admin, frame: frame("user.admin.update", { id: user, pretalx_id: "LATE" }) },
            { user: admin, frame: frame("user.admin.update", { id: other, pretalx_id: "LATE TOO" }) },
            { user: admin, frame: frame("user.admin.update", { id: kiosk, client_state: { slide: 1 } }) },
            { user: other, frame: frame("user.update", { profile: { by: "themselves" } }) },
        ], async () => {
            await ask("user.update", { profile: { by: "themselves" } }, user);
            await ask("user.admin.update", { id: user, pretalx_id: "NEW" });
            await ask("user.admin.update", { id: other, pretalx_id: "" });
            await ask("user.admin.update", { id: other, profile: { by: "admin" } });
            await ask("user.update", { client_state: { slide: 2 } }, kiosk);
        });
        const rows = await sql `
      select profile, pretalx_id, client_state from users where id in (${user}, ${other}, ${kiosk})
      order by array_position(array[${user}, ${other}, ${kiosk}]::uuid[], id)`;
        t.same([...rows], [
            { profile: { by: "themselves" }, pretalx_id: "NEW", client_state: {} },
            { profile: { by: "admin" }, pretalx_id: null, client_state: {} },
            { profile: {}, pretalx_id: null, client_state: { slide: 2 } },
        ]);
    });
    t.test("a token's traits and pretalx id, also where a later login changed neither", async (t) => {
        const same = await logInWithToken("t1", ["ticket"]);
        const changed = await logInWithToken("t2", ["ticket"]);
        const taken = await logInWithToken("t3", ["ticket"]);
        await ask("user.admin.update", { id: taken, pretalx_id: "SPEAKER" });
        await late([
            { frame: login("t1", ["ticket", "speaker"]) },
            { frame: login("t2", ["crew"]) },
            { frame: login("t3", ["ticket", "late"], "SPEAKER") },
        ], async () => {
            t.equal(await logInWithToken("t1", ["ticket"]), same);
            t.equal(await logInWithToken("t2", ["ticket", "speaker"]), changed);
            t.equal(await logInWithToken("t3", ["ticket"]), taken);
            await ask("user.admin.update", { id: taken, pretalx_id: "" });
        });
        const rows = await sql `
      select traits, pretalx_id, version::int as version from users where token_id in ('t1', 't2', 't3')
      order by token_id`;
        t.same([...rows], [
            { traits: ["ticket"], pretalx_id: null, version: 1 },
            { traits: ["speaker", "ticket"], pretalx_id: null, version: 2 },
            { traits: ["ticket"], pretalx_id: null, version: 3 },
        ]);
    });
    t.test("moderation; but a ban that only silence has overtaken holds", async (t) => {
        const [lifted, banned, both] = [await logIn("m1"), await logIn("m2"), await logIn("m3")];
        await ask("user.ban", { id: both });
        const { replies } = await wire.sendLate([
            { user: admin, frame: frame("user.ban", { id: lifted }) },
            { user: admin, frame: frame("user.ban", { id: banned }) },
            { user: admin, frame: frame("user.reactivate", { id: both }) },
        ]);
        await ask("user.reactivate", { id: lifted });
        await ask("user.silence", { id: lifted });
        await ask("user.silence", { id: banned });
        await ask("user.silence", { id: both });
        for (const reply of await replies)
            t.equal(reply.frame, '["success",1,{}]');
        const states = await sql `
      select client_id, moderation_state from users where client_id in ('m1', 'm2', 'm3') order by client_id`;
        t.same(states.map((row) => row.moderation_state), ["silenced", "banned", "banned"]);
    });
    t.test("a token's traits that are taken back at the same moment", async (t) => {
        const user = await logInWithToken("t4", ["ticket"]);
        // The first changes the traits while the second, which comes later, has read that it need not.
        const { replies } = await wire.send([
            { frame: login("t4", ["crew"]) },
            { frame: login("t4", ["ticket"]), connection: 2 },
        ]);
        await replies;
        const [row] = await sql `select traits from users where id = ${user}`;
        t.same(row?.traits, ["ticket"]);
    });
    t.test("the places of blocks and grants go with their accounts, and once no command is so old", async (t) => {
        const [ada, bob] = [await logIn("p1"), await logIn("p2")];
        const held = async (user) => (await sql `select from tie_positions where user_id = ${user} or tie like ${`%${user}%`}`).length;
        await ask("user.block", { id: bob }, ada);
        await ask("user.block", { id: ada }, bob);
        t.same([await held(ada), await held(bob)], [2, 2]);
        await ask("user.delete", { id: bob });
        t.same([await held(ada), await held(bob)], [0, 0]);
        await ask("user.block", { id: admin }, ada);
        const [{ position } = {}] = await sql `select position from tie_positions where user_id = ${ada}`;
        await pruneTiePositions(sql, position, 1_000);
        t.equal(await held(ada), 1, "not yet");
        await pruneTiePositions(sql, `${position}0`, 1_000);
        t.equal(await held(ada), 0);
        t.same(await blocksOf(ada), [admin], "the block itself stays");
    });
});
t.test("in whatever order moderation comes, a ban that stands in the stream's order holds", async () => {
    const actions = fc.array(fc.constantFrom("banned", "silenced", ""), {
        maxLength: 7,
    });
    const orders = actions.chain((list) => {
        const numbered = list.map((wanted, i) => ({ wanted, position: positionOf(`${i + 1}-0`, 0) }));
        const order = fc.shuffledSubarray(numbered, { minLength: list.length, maxLength: list.length });
        return fc.record({ numbered: fc.constant(numbered), order });
    });
    const play = (commands) => commands.reduce((now, { wanted, position }) => moderationAfter(now, wanted, position), {
        ...{ moderation_state: "", moderation_position: "", reactivated_position: "" },
    }).moderation_state;
    await holds(orders, 2_000, ({ numbered, order }) => {
        const inOrder = play(numbered);
        const played = play(order);
        // A reactivation that is late changes nothing, though silence came between: then a ban is still there.
        const expected = inOrder === "silenced" ? ["silenced", "banned"] : [inOrder];
        if (!expected.includes(played))
            throw new Error(`${played || "neither"}, not ${expected.join(" or ")}`);
    });
});
//# sourceMappingURL=later-wins.test.js.map