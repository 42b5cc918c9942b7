/**
 * People who come and go at a modest rate, and do all that people do: so that whatever the cluster keeps of them for
 * longer than it should adds up.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { logIn, outcomeOf } from "../guest.js";
import { makeToken, runFoyer } from "../operator.js";
import { createHistogram, recordMs } from "../report.js";
const RESIDENT_EVERY_MS = 3_000;
const VISIT_EVERY_MS = 700;
const BAN_EVERY_MS = 6_000;
const IMPORT_EVERY_MS = 45_000;
/** One visitor in so many comes for the first time; the others are known. */
const NEW_EVERY = 3;
const KNOWN = 60;
export function createBook() {
    return { commands: 0, logins: 0, imports: 0, bans: 0, failures: new Map(), latencies: createHistogram() };
}
/** Goes on until `signal` aborts. */
export async function churn(book, { urls, facts, residents, signal }) {
    const url = (i) => urls[i % urls.length];
    const fail = (what) => void book.failures.set(what, (book.failures.get(what) ?? 0) + 1);
    const every = async (ms, what, work) => {
        for (let n = 0; !signal.aborted; n++) {
            await work(n).catch((error) => fail(`${what}: ${error.message.slice(0, 200)}`));
            await sleep(ms * (0.5 + Math.random()), undefined, { signal }).catch(() => { });
        }
    };
    const ask = async (guest, name, body) => {
        const began = performance.now();
        const [outcome, result] = await outcomeOf(guest, name, body);
        recordMs(book.latencies, performance.now() - began);
        book.commands++;
        if (outcome !== "success")
            throw new Error(`${name} was answered with ${JSON.stringify(result)}`);
    };
    const enter = async (i, who) => {
        const guest = await logIn(url(i), who);
        book.logins++;
        return guest;
    };
    const doSomething = (guest, n) => {
        const id = guest.user;
        const things = [
            () => ask(guest, "user.update", { profile: { display_name: `Somebody ${n % 50}`, n } }),
            () => ask(guest, "user.fetch", { ids: [id] }),
            () => ask(guest, "user.list.search", { search_term: `some ${n % 7}`, page: 1 }),
            () => ask(guest, "user.online_status", { ids: [id] }),
        ];
        return things[n % things.length]();
    };
    const known = Array.from({ length: KNOWN }, () => randomUUID());
    const stay = async (i) => {
        const guest = await enter(i, randomUUID());
        await every(RESIDENT_EVERY_MS, "a resident", (n) => doSomething(guest, n + i));
        guest.connection.close();
    };
    const visit = async (n) => {
        const guest = await enter(n, n % NEW_EVERY === 0 ? randomUUID() : known[n % KNOWN]);
        for (let i = 0; i < 3; i++)
            await doSomething(guest, n + i);
        guest.connection.close();
    };
    const moderate = async () => {
        const token = await makeToken(facts, "soak-moderator", ["moderator"]);
        const moderator = await enter(0, { token });
        await every(BAN_EVERY_MS, "the moderator", async (n) => {
            const guest = await enter(n, randomUUID());
            await ask(moderator, "user.ban", { id: guest.user });
            await ask(moderator, "user.reactivate", { id: guest.user });
            await ask(moderator, "user.list", { type: "person", limit: 50 });
            guest.connection.close();
            book.bans++;
        });
        moderator.connection.close();
    };
    const file = await runFoyer(facts, ["world", "export", facts.world]);
    const reimport = async () => {
        await runFoyer(facts, ["world", "import", "-"], file);
        book.imports++;
    };
    await Promise.all([
        ...Array.from({ length: residents }, (_, i) => stay(i)),
        every(VISIT_EVERY_MS, "a visitor", visit),
        moderate(),
        every(IMPORT_EVERY_MS, "an import", reimport),
    ]);
}
//# sourceMappingURL=churn.js.map