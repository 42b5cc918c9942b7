/** Holds what a gateway really sends against the messages that docs/asyncapi.json describes. */
import t from "tap";
import { Compile } from "typebox/compile";
import { listMessages } from "../../shared/protocol/messages.js";
import { connectClient } from "../../shared/testing/client.js";
import { runFoyer, startTestCluster } from "../../shared/testing/cluster.js";
import { narrowWorld, openWorld } from "./worlds.js";
const messages = listMessages().map(({ name, from, frame }) => ({ name, from, check: Compile(frame) }));
/** The messages of the server that a frame can be. */
const named = (frame) => messages.filter(({ from, check }) => from === "server" && check.Check(frame)).map(({ name }) => name);
t.test("frames are as they are documented", async (t) => {
    const cluster = await startTestCluster(t, { worlds: [openWorld, narrowWorld] });
    const gateway = cluster.gateways[0];
    const [client, other] = [await connectClient(gateway.world("w")), await connectClient(gateway.world("w"))];
    /** Sends a frame; the answer has to be this message. */
    const isAnswered = async (frame, name) => {
        client.send(frame);
        const answer = await client.next();
        t.ok(named(answer).includes(name), `${name}: ${JSON.stringify(answer)}`);
        return answer;
    };
    await isAnswered(["ping", { a: 1 }], "pong");
    await isAnswered([1, {}], "error.protocol.invalid_message");
    await isAnswered(["user.fetch", 1, { id: "x" }], "error.protocol.unauthenticated");
    await isAnswered(["authenticate", 2, {}], "error.auth.missing_id_or_token");
    await isAnswered(["authenticate", 3, { token: "x" }], "error.auth.invalid_token");
    const [, session] = await isAnswered(["authenticate", { client_id: "one" }], "authenticated");
    await other.logIn({ client_id: "one" });
    await isAnswered(["user.update", 4, { profile: { display_name: "Ada" } }], "user.update.success");
    const updated = await other.next();
    t.strictSame(named(updated), ["user.updated"], JSON.stringify(updated));
    const { id } = session["user.config"];
    await isAnswered(["user.fetch", "five", { id }], "user.fetch.success");
    await isAnswered(["user.fetch", { ids: [id] }], "user.fetch.success");
    await isAnswered(["user.fetch", 6, { id: "nobody" }], "error.user.not_found");
    await isAnswered(["user.fetch", 7, { id: 5 }], "error.user.invalid_body");
    await isAnswered(["user.nothing", 8, {}], "error.user.unsupported_command");
    await isAnswered(["nothing", 9, {}], "error.protocol.unknown_command");
    const rooms = [...openWorld.rooms, { id: "hall", name: "Hall", modules: [{ type: "chat.native" }] }];
    await runFoyer(["world", "import", "-"], cluster.environment, JSON.stringify({ ...openWorld, rooms }));
    t.strictSame(named(await client.next()), ["world.updated"]);
    await runFoyer(["world", "import", "-"], cluster.environment, JSON.stringify({ ...openWorld, trait_grants: {} }));
    t.strictSame(named(await client.next()), ["connection.reload"]);
    const lost = await connectClient(gateway.world("nowhere"));
    t.strictSame(named(await lost.next()), ["error.world.unknown_world"]);
    const crowd = [];
    for (let i = 0; i < 3; i++) {
        const one = await connectClient(gateway.world("narrow"));
        await one.logIn({ client_id: "crowd" });
        crowd.push(one);
    }
    t.strictSame(named(await crowd[0].next()), ["error.connection.replaced"]);
    for (const each of [...crowd, other])
        each.end();
});
//# sourceMappingURL=documented-frames.test.js.map