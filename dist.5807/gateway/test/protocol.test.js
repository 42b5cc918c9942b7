import { randomUUID } from "node:crypto";
import postgres from "postgres";
import t from "tap";
import { connectClient } from "../../shared/testing/client.js";
import { startTestCluster } from "../../shared/testing/cluster.js";
import { openWorld } from "./worlds.js";
t.test("connections and frames (docs/protocol.md)", async (t) => {
    const cluster = await startTestCluster(t, { worlds: [openWorld] });
    const gateway = cluster.gateways[0];
    const connect = () => connectClient(gateway.world("w"));
    const logIn = async () => {
        const client = await connect();
        const { "user.config": user } = await client.logIn({ client_id: randomUUID() });
        return { client, user };
    };
    t.test("the address may end in a slash", async (t) => {
        const client = await connectClient(`${gateway.world("w")}/`);
        t.ok(await client.logIn({ client_id: "slash" }));
        client.end();
    });
    t.test("an unknown world, or another path under /ws/, is told so and closed with 1008", async (t) => {
        for (const path of [
            "/ws/world/nowhere",
            "/ws/",
            "/ws/world/",
            "/ws/world/W",
            "/ws/other",
            "/ws/world/w/x",
        ]) {
            const client = await connectClient(gateway.world("w").replace("/ws/world/w", path));
            t.strictSame(await client.next(), ["error", { code: "world.unknown_world" }], path);
            t.equal((await client.closed()).code, 1008);
        }
    });
    t.test("a path outside /ws/ is 404", async (t) => {
        t.equal((await fetch(`${gateway.http}/nothing`)).status, 404);
        t.equal((await fetch(`${gateway.http}/ws/world/w`)).status, 404);
    });
    t.test("ping is answered before and after the login, by value", async (t) => {
        const client = await connect();
        client.send('["ping", {"a": [1, null]}]');
        t.strictSame(await client.next(), ["pong", { a: [1, null] }]);
        await client.logIn({ client_id: "pinger" });
        client.send(["ping", 4711]);
        t.strictSame(await client.next(), ["pong", 4711]);
        client.end();
    });
    t.test("before the login everything else is protocol.unauthenticated, with the id", async (t) => {
        const client = await connect();
        client.send(["user.fetch", 5, { id: "x" }]);
        t.strictSame(await client.next(), ["error", 5, { code: "protocol.unauthenticated" }]);
        client.send(["foo.bar", {}]);
        t.strictSame(await client.next(), ["error", { code: "protocol.unauthenticated" }]);
        client.end();
    });
    t.test("a login's errors carry its id, authenticated never does", async (t) => {
        const client = await connect();
        client.send(["authenticate", 9, {}]);
        t.strictSame(await client.next(), ["error", 9, { code: "auth.missing_id_or_token" }]);
        client.send(["authenticate", 10, { client_id: "carries-none" }]);
        const [action, payload, ...rest] = await client.next();
        t.equal(action, "authenticated");
        t.strictSame(Object.keys(payload), [
            "user.config",
            "world.config",
            "chat.channels",
            "chat.read_pointers",
        ]);
        t.strictSame(rest, []);
        client.end();
    });
    t.test("an unknown namespace, or a second login, is protocol.unknown_command", async (t) => {
        const { client } = await logIn();
        for (const action of ["foo.bar", "authenticate", "gateway.world", "user", "constructor", "__proto__.x"]) {
            client.send([action, 1, {}]);
            t.strictSame(await client.next(), ["error", 1, { code: "protocol.unknown_command" }], action);
        }
        client.end();
    });
    t.test("an unknown action of user is user.unsupported_command", async (t) => {
        const { client } = await logIn();
        for (const action of ["user.foobar", "user.", "user.update.x", "user.constructor"]) {
            client.send([action, 1, {}]);
            t.strictSame(await client.next(), ["error", 1, { code: "user.unsupported_command" }], action);
        }
        client.end();
    });
    t.test("a payload of the wrong shape is user.invalid_body, naming path and expectation", async (t) => {
        const { client } = await logIn();
        const { ok, body } = await client.ask("user.update", { profile: "text" });
        t.notOk(ok);
        t.match(body, { code: "user.invalid_body", details: { path: "/profile", expected: "object" } });
        client.end();
    });
    t.test("answers come in the order of the commands, refusals among them", async (t) => {
        const client = await connect();
        client.send(["authenticate", { client_id: "orderly" }]);
        client.send(["user.update", 1, { profile: { display_name: "One" } }]);
        client.send("nonsense");
        client.send(["user.foobar", 2, {}]);
        client.send(["user.update", 3, { profile: "wrong" }]);
        client.send(["foo", 4, {}]);
        client.send(["user.fetch", 5, { ids: [] }]);
        t.equal((await client.next())[0], "authenticated");
        t.strictSame(await client.next(), ["success", 1, {}]);
        t.strictSame(await client.next(), ["error", { code: "protocol.invalid_message" }]);
        t.match(await client.next(), ["error", 2, { code: "user.unsupported_command" }]);
        t.match(await client.next(), ["error", 3, { code: "user.invalid_body" }]);
        t.match(await client.next(), ["error", 4, { code: "protocol.unknown_command" }]);
        t.strictSame(await client.next(), ["success", 5, {}]);
        client.end();
    });
    t.test("the 10th frame that cannot be read closes the connection with 1003", async (t) => {
        const client = await connect();
        for (let i = 0; i < 10; i++)
            client.send("{}");
        for (let i = 0; i < 10; i++) {
            t.strictSame(await client.next(), ["error", { code: "protocol.invalid_message" }]);
        }
        t.equal((await client.closed()).code, 1003);
    });
    t.test("a binary frame closes it with 1003", async (t) => {
        const client = await connect();
        client.send(Buffer.from('["ping",1]'));
        t.equal((await client.closed()).code, 1003);
    });
    t.test("a message over 64 KiB closes it with 1009, one of exactly that size does not", async (t) => {
        const client = await connect();
        const frame = (bytes) => `["ping","${"x".repeat(bytes - 11)}"]`;
        client.send(frame(65_536));
        t.equal((await client.next())[1].length, 65_536 - 11);
        client.send(frame(65_537));
        t.equal((await client.closed()).code, 1009);
        const fragmented = await connect();
        fragmented.socket.send("x".repeat(40_000), { fin: false });
        fragmented.socket.send("x".repeat(40_000), { fin: true });
        t.equal((await fragmented.closed()).code, 1009);
    });
    t.test("the 5th failed login closes the connection with 1008; after fewer it may try again", async (t) => {
        const patient = await connect();
        for (let i = 0; i < 4; i++) {
            patient.send(["authenticate", { token: "wrong" }]);
            t.strictSame(await patient.next(), ["error", { code: "auth.invalid_token" }]);
        }
        t.ok(await patient.logIn({ client_id: "patient" }));
        patient.end();
        const troll = await connect();
        for (let i = 0; i < 5; i++)
            troll.send(["authenticate", { token: "wrong" }]);
        for (let i = 0; i < 5; i++)
            t.match(await troll.next(), ["error", { code: "auth.invalid_token" }]);
        t.equal((await troll.closed()).code, 1008);
    });
    t.test("a profile is echoed as it was written, in every script", async (t) => {
        const { client, user } = await logIn();
        const profile = { display_name: 'Zoë 🎪 \u2028 \\ " \u0007', fields: { a: 1.5e10, b: [null, true] } };
        t.strictSame(await client.ask("user.update", { profile }), { ok: true, body: {} });
        const { body } = await client.ask("user.fetch", { id: user.id });
        t.strictSame(body.profile, profile);
        client.end();
    });
    t.test("health and readiness on both ports, metrics on the ops port", async (t) => {
        for (const base of [gateway.http, gateway.ops]) {
            t.equal((await fetch(`${base}/healthz`)).status, 200);
            const ready = await fetch(`${base}/readyz`);
            t.equal(ready.status, 200);
            t.strictSame(await ready.json(), { ready: true });
            t.match(await (await fetch(`${base}/metrics`)).text(), /^foyer_gateway_connections\{state="authenticated"\} \d/m);
        }
        const throughProxy = await fetch(`${gateway.http}/metrics`, {
            headers: { "x-forwarded-for": "192.0.2.1" },
        });
        t.equal(throughProxy.status, 404, "not for the world outside");
    });
    // Breaks this file's database, hence the last one.
    t.test("a bug in the server is server.fatal and closes with 1011", async (t) => {
        const { client, user } = await logIn();
        const sql = postgres(cluster.databaseUrl, { max: 1 });
        await sql `alter table users rename column profile to no_profile`;
        await sql.end();
        client.send(["user.fetch", 1, { id: user.id }]);
        t.strictSame(await client.next(), ["error", { code: "server.fatal" }]);
        t.equal((await client.closed()).code, 1011);
    });
});
//# sourceMappingURL=protocol.test.js.map