/** A worker whose commands wait reads larger batches (`entry-reader.ts`); what comes meanwhile is served nevertheless. */
import postgres from "postgres";
import t from "tap";
import { startTestWorker } from "./worker.ts";

/** More than make a worker gather longer. */
const WAITING = 12;

t.test("somebody is answered while many others wait for their accounts", async (t) => {
  const { databaseUrl, wire, logIn } = await startTestWorker(t);
  const waiting = await Promise.all(Array.from({ length: WAITING }, (_, i) => logIn(`waiting ${i}`)));
  const free = await logIn("free");
  const other = postgres(databaseUrl, { max: 1 });
  t.teardown(() => other.end());
  await other`begin`;
  await other`select from users where id = any(${waiting}::uuid[]) for update`;
  const frame = `["user.update",1,{"profile":{"display_name":"new"}}]`;
  let answered = 0;
  const updates = await Promise.all(waiting.map((user) => wire.send([{ user, frame }])));
  for (const { replies } of updates) void replies.then(() => answered++);
  for (let i = 0; i < 3; i++) {
    const { json } = await wire.ask({ user: free, frame: `["user.fetch",1,{"id":"${free}"}]` });
    t.match(json, ["success", 1, { id: free }]);
  }
  t.equal(answered, 0, "the others still wait");
  await other`rollback`;
  for (const { replies } of updates) {
    for (const reply of await replies) t.same(JSON.parse(reply.frame as string), ["success", 1, {}]);
  }
});
