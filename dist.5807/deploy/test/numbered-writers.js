/** Users who each write a number after the other into their profile, and remember what they were told. */
import { randomUUID } from "node:crypto";
import { connectClient } from "../../shared/testing/client.js";
/** Starts some; each sends the next number once the one before is answered, the same again after a timeout. */
export async function startWriters(t, url, count) {
    let isOver = false;
    const writers = await Promise.all(Array.from({ length: count }, async () => {
        const client = await connectClient(url);
        t.teardown(() => client.end());
        const { "user.config": me } = await client.logIn({ client_id: randomUUID() });
        const writer = { user: me.id, acknowledged: 0, acknowledgedAt: 0, sent: 0, wrong: [] };
        return { client, writer };
    }));
    const running = writers.map(async ({ client, writer }) => {
        while (!isOver || writer.acknowledged < writer.sent) {
            const n = writer.acknowledged + 1;
            writer.sent = n;
            const { ok, body } = await client.ask("user.update", { profile: { n } });
            if (ok) {
                writer.acknowledged = n;
                writer.acknowledgedAt = performance.now();
            }
            else if (body.code !== "server.timeout") {
                writer.wrong.push(body.code);
                return;
            }
        }
    });
    return {
        writers: writers.map(({ writer }) => writer),
        /** Has them finish what they are at. */
        async stop() {
            isOver = true;
            await Promise.all(running);
        },
    };
}
/** Compares what they were told with what is stored: nothing lost, nothing done twice, nothing out of order. */
export async function checkWriters(t, sql, writers) {
    for (const { user, acknowledged, wrong } of writers) {
        t.same(wrong, []);
        const [row] = await sql `select profile ->> 'n' as n, version::int from users where id = ${user}`;
        t.equal(Number(row.n), acknowledged, "the last that was answered is stored");
        const logged = await sql `
      select (data -> 'new' ->> 'n')::int as n from audit_log
      where user_id = ${user} and event = 'profile' order by id`;
        t.same(logged.map(({ n }) => n), Array.from({ length: acknowledged }, (_, i) => i + 1), "each took effect once, in order");
        t.equal(row.version, acknowledged + 1, "and raised the version once");
    }
}
//# sourceMappingURL=numbered-writers.js.map