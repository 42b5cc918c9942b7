/** Somebody who is banned: connections on both gateways that are busy, and logins on their way. */
import { randomUUID } from "node:crypto";
import { waitFor } from "../../shared/testing/wait-for.js";
import { WatchedConnection } from "./watched-connection.js";
/** What the connections do, by gateway; `nothing` logs in when the ban comes. */
const nearWork = ["updates", "lists", "nothing"];
const farWork = ["updates", "updates", "fetches", "nothing"];
/** So many answers each has had before: then commands are under way at every place between client and database. */
const LEAST_ANSWERS = 3;
const COMING_MS = 60_000;
export class Person {
    id;
    payload;
    connections;
    /** In all that is sent after the ban was answered. */
    mark;
    constructor(payload, mark, connections) {
        this.payload = payload;
        this.mark = mark;
        this.connections = connections;
        this.id = this.busy[0].user;
    }
    /** Comes in, and is busy. */
    static async come(arena, payload = { client_id: randomUUID() }) {
        const mark = `late-${randomUUID()}`;
        const open = (gateway, works) => works.map((work) => WatchedConnection.open(gateway, work, mark));
        const connections = await Promise.all([...open(arena.near, nearWork), ...open(arena.far, farWork)]);
        const busy = connections.filter(({ work }) => work !== "nothing");
        for (const connection of busy)
            connection.logIn(payload);
        const isBusy = () => busy.every(({ user, answers }) => user !== null && answers >= LEAST_ANSWERS);
        await waitFor("everybody to be busy", isBusy, COMING_MS).catch((error) => {
            const states = busy.map(({ work, user, refusal, answers, closed }) => ({
                work,
                user,
                refusal,
                answers,
                closed,
            }));
            throw new Error(`${error.message}: ${JSON.stringify(states)}`);
        });
        return new Person(payload, mark, connections);
    }
    /** The connections that were logged in before. */
    get busy() {
        return this.connections.filter(({ work }) => work !== "nothing");
    }
    get late() {
        return this.connections.filter(({ work }) => work === "nothing");
    }
    /** Sends the logins: the first at once, each further one a moment later. */
    async logInMeanwhile() {
        for (const connection of this.late) {
            connection.logIn(this.payload);
            await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
        }
    }
    /**
     * The moderator has read `success`.
     *
     * @param busy what may come on connections that were logged in before   @param late and on the others
     */
    answered(busy, late) {
        for (const connection of this.busy)
            connection.answered(busy);
        for (const connection of this.late)
            connection.answered(late);
    }
    quiet() {
        for (const connection of this.connections)
            connection.quiet();
    }
    get faults() {
        return this.connections.flatMap(({ faults }) => faults);
    }
    close() {
        for (const connection of this.connections)
            connection.close();
    }
}
//# sourceMappingURL=person.js.map