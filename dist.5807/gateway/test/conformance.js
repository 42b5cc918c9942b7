/** What the conformance tests share: a cluster of two gateways and two workers, worlds, and people in them. */
import { randomUUID } from "node:crypto";
import jwt from "jsonwebtoken";
import { connectClient } from "../../shared/testing/client.js";
import { startTestCluster } from "../../shared/testing/cluster.js";
/** The key of `mainWorld`, and of its twin. */
export const KEY = { secret: "a secret of the conformance tests", issuer: "tickets", audience: "conf" };
/** Admits guests; what else one may do comes by traits. */
export const mainWorld = {
    world: {
        id: "main",
        title: "Main",
        JWT_secrets: [KEY],
        trait_badges_map: { speaker: "Speaker", crew: "Crew" },
        profile_fields: [{ id: "company", label: "Company", type: "text", searchable: true }],
        social_logins: ["twitter"],
        domain: "conf.example",
    },
    rooms: [
        { id: "stage", name: "Stage" },
        { id: "backstage", name: "Backstage" },
    ],
};
/** A token of `mainWorld`, unless options say otherwise. */
export function sign(claims, options = {}) {
    const all = { issuer: KEY.issuer, audience: KEY.audience, expiresIn: 600, ...options };
    return jwt.sign(claims, KEY.secret, all);
}
/**
 * An invite, faster than the command line makes one.
 *
 * @param time for which it is valid, as Postgres reads it
 * @returns its token
 */
export async function insertInvite(sql, world, room, time = "1 hour") {
    const token = randomUUID();
    await sql `
    insert into invites (world_id, token, room_id, expires_at)
    select world_id, ${token}, id, now() + ${time}::interval from rooms
    where world_id = ${world} and import_id = ${room}`;
    return token;
}
/** Starts the cluster. Limits on failed logins are off: the tests of this address fail a lot. */
export async function startConformance(t, worlds, environment = {}) {
    const cluster = await startTestCluster(t, {
        gateways: 2,
        workers: 2,
        worlds,
        environment: { FOYER_MAX_FAILED_LOGINS_PER_IP: "0", ...environment },
    });
    let turn = 0;
    /** On one gateway and then the other, unless one is named. */
    const connect = async (world = "main", gateway = turn++ % 2) => {
        const client = await connectClient(cluster.gateways[gateway].world(world));
        t.teardown(() => client.end());
        return client;
    };
    /** Somebody who has logged in, with what `authenticated` said. */
    const enter = async (payload, world = "main", gateway) => {
        const client = await connect(world, gateway);
        const login = await client.logIn(payload);
        return { ...client, login, me: login["user.config"], id: login["user.config"].id };
    };
    /** A new guest, by the way a token may bring traits. */
    const person = (traits = [], world = "main") => enter({ token: sign({ uid: randomUUID(), traits }) }, world);
    const guest = (world = "main", gateway) => enter({ client_id: randomUUID() }, world, gateway);
    /** Who holds every permission of moderators. */
    const admin = (world = "main") => person(["admin"], world);
    return { ...cluster, connect, enter, person, guest, admin };
}
/** The whole answer to one frame, on a connection where nothing else is expected. */
export async function answerTo(client, frame) {
    client.send(frame);
    return await client.next();
}
//# sourceMappingURL=conformance.js.map