/** The operator's hand on accounts and connections: real commands, on a real cluster with clients. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text as readAll } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import t from "tap";
import { handlers } from "../../core/commands/handlers.js";
import { connectClient } from "../../shared/testing/client.js";
import { runFoyer, startTestCluster } from "../../shared/testing/cluster.js";
import { createTestStores } from "../../shared/testing/stores.js";
const program = fileURLToPath(new URL("../bin/foyer.mjs", import.meta.url));
const key = { secret: "0123456789abcdef0123456789abcdef", issuer: "tickets", audience: "w" };
const world = {
    world: { id: "w", title: "A World", JWT_secrets: [key] },
    // Somebody without a role on it does not see it.
    rooms: [{ id: "stage", name: "Stage" }],
    roles: { attendee: ["world:view"], stagehand: ["room:view"] },
    trait_grants: { attendee: [] },
};
const otherWorld = { world: { id: "other", title: "Another" } };
/** The moderator's commands that an operator runs too, where this build has them. */
const hasModeration = Object.hasOwn(handlers, "user.ban");
/** Runs `foyer` to its end, whatever that is. */
async function foyer(args, environment = {}) {
    // biome-ignore lint/style/noProcessEnv: a child finds programs and its home as we do
    const { PATH = "", HOME = "" } = process.env;
    const child = spawn(process.execPath, [program, ...args], { env: { PATH, HOME, ...environment } });
    const exit = once(child, "exit");
    const [out, err] = await Promise.all([readAll(child.stdout), readAll(child.stderr)]);
    return { status: (await exit)[0], out, err };
}
t.test("on a cluster of two gateways", async (t) => {
    const { environment, gateways } = await startTestCluster(t, { gateways: 2, worlds: [world, otherWorld] });
    const [near, far] = gateways;
    const user = (action, ...args) => foyer(["user", action, "--world", "w", ...args], environment);
    const logIn = async (payload, gateway = near, id = "w") => {
        const client = await connectClient(gateway.world(id));
        return { ...client, login: await client.logIn(payload) };
    };
    const tokenFor = async (uid) => (await runFoyer(["token", "--world", "w", "--uid", uid], environment)).trim();
    t.test("grant and revoke reach connected clients", async (t) => {
        const token = await tokenFor("ada");
        const clients = [await logIn({ token }), await logIn({ token }, far)];
        const id = clients[0].login["user.config"].id;
        t.same(clients[0].login["world.config"].rooms, []);
        const grant = ["--uid", "ada", "--role", "stagehand", "--room", "stage"];
        t.strictSame(await user("grant", ...grant), {
            status: 0,
            out: `${id} has the role "stagehand" in room "stage"\n`,
            err: "",
        });
        for (const client of clients) {
            const [action, config] = await client.next();
            t.equal(action, "world.updated", "the user object is the same");
            t.match(config.rooms, [{ import_id: "stage", permissions: ["room:view"] }]);
        }
        t.match(await user("grant", ...grant), { status: 0, out: /^\S+ had .* already\n$/ });
        const shown = JSON.parse((await user("show", "--id", id, "--json")).out);
        t.match(shown, {
            ...{ id, token_id: "ada", version: 2, grants: [{ role: "stagehand", room: "stage" }] },
            audit: [{ event: "granted", actor_id: null, data: { role: "stagehand", room: "stage" } }],
        });
        const online = gateways.map((gateway) => ({ gateway: gateway.id, connections: 1 }));
        const byGateway = (a, b) => (a.gateway < b.gateway ? -1 : 1);
        t.same(shown.online.sort(byGateway), online.sort(byGateway));
        const revoked = await user("revoke", "--id", id, ...grant.slice(2), "--json");
        t.same(JSON.parse(revoked.out), { changed: true, id, state: "active" });
        for (const client of clients)
            t.match(await client.next(), ["world.updated", { rooms: [] }]);
        const text = (await user("show", "--uid", "ada")).out;
        for (const line of [/^state +active$/m, /^token id +ada$/m, /^\S+Z +revoked +an operator +\{.*stage/m]) {
            t.match(text, line);
        }
        for (const client of clients) {
            t.same(await client.quiet(), []);
            client.end();
        }
    });
    t.test("what cannot be done is said, with what can", async (t) => {
        const client = await logIn({ client_id: "bob" });
        const bob = ["--client-id", "bob"];
        const failures = [
            [["show", "--uid", "nobody"], /^foyer: world "w" has no account with the uid "nobody"\n$/],
            [["ban", "--id", "x"], /^foyer: .*no account with the id "x"\n$|bring them to this version/],
            [["grant", ...bob, "--role", "king"], /no role "king": say one of attendee, stagehand, .*__kiosk\n$/],
            [["grant", ...bob, "--role", "attendee", "--room", "attic"], /no room "attic": say one of stage\n$/],
            [["show", "--world", "nowhere", ...bob], /no world "nowhere": foyer world list/],
        ];
        for (const [[action = "", ...args], why] of failures) {
            t.match(await user(action, ...args), { status: 1, out: "", err: why });
        }
        client.end();
    });
    t.test("moderation is done at once, whoever is connected", { skip: !hasModeration }, async (t) => {
        const token = await tokenFor("eve");
        const eve = await logIn({ token });
        const id = eve.login["user.config"].id;
        t.match(await user("ban", "--uid", "eve"), { status: 0, out: `${id} is banned\n` });
        t.same(await eve.take("connection.reload"), ["connection.reload", {}]);
        t.equal((await eve.closed()).code, 4000);
        await t.rejects(logIn({ token }), /auth.denied/);
        t.match(await user("silence", "--id", id), { out: `${id} is banned\n` }, "which changes nothing");
        t.match(await user("reactivate", "--id", id), { out: `${id} is active\n` });
        const back = await logIn({ token });
        t.match(await user("silence", "--id", id), { out: `${id} is silenced\n` });
        t.equal((await back.closed()).code, 4000);
        t.match(await user("delete", "--uid", "eve"), { out: `${id} is deleted\n` });
        t.match(await user("delete", "--id", id), { status: 1, err: /no account/ });
        t.match(JSON.parse((await user("show", "--id", id, "--json")).out), { deleted: true, profile: {} });
        const other = await logIn({ token });
        t.not(other.login["user.config"].id, id);
        other.end();
    });
    t.test("reload reaches every connection of the world, logged in or not", async (t) => {
        const elsewhere = await logIn({ client_id: "x" }, near, "other");
        const clients = await Promise.all([
            logIn({ client_id: "c1" }),
            logIn({ client_id: "c2" }, far),
            connectClient(near.world("w")),
        ]);
        const told = await foyer(["reload", "--world", "w", "--over", "1s"], environment);
        t.strictSame(told, { status: 0, out: "told 2 gateways\n", err: "" });
        for (const client of clients) {
            t.strictSame(await client.next(), ["connection.reload", {}]);
            t.equal((await client.closed()).code, 4000);
        }
        t.same(await elsewhere.quiet(), []);
        const all = await foyer(["reload", "--over", "1s", "--json"], environment);
        t.same(JSON.parse(all.out), { gateways: 2, not_told: [] });
        t.equal((await elsewhere.closed()).code, 4000);
        const nowhere = await foyer(["reload", "--world", "nowhere"], environment);
        t.match(nowhere, { status: 1, out: "", err: /no world "nowhere"/ });
    });
});
t.test("without nodes they say what is missing", async (t) => {
    const stores = await createTestStores(t);
    const environment = { REDIS_URL: stores.redisUrl, FOYER_REDIS_PREFIX: stores.redisPrefix };
    const show = await foyer(["user", "show", "--world", "w", "--uid", "u"], environment);
    t.match(show, { status: 1, out: "", err: /^foyer: no worker has made .*: start foyer core.*\n$/ });
    t.match(await foyer(["reload"], environment), { status: 1, err: /^foyer: no gateway is alive: .*\n$/ });
});
t.test("wrong usage ends with 2", async (t) => {
    const whom = ["--world", "w", "--uid", "u"];
    const wrong = [
        ["user"],
        ["user", "praise", ...whom],
        ["user", "show", "--world", "w"],
        ["user", "show", "--uid", "u"],
        ["user", "ban", ...whom, "--client-id", "c"],
        ["user", "ban", ...whom, "--role", "moderator"],
        ["user", "grant", ...whom],
        ["reload", "--over", "soon"],
    ];
    await Promise.all(wrong.map(async (args) => {
        t.match(await foyer(args), { status: 2, out: "" }, `foyer ${args.join(" ")}`);
    }));
});
//# sourceMappingURL=operator.test.js.map