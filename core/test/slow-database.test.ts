/** A Postgres that is too slow, or somebody's transaction in the way: the others go on, and the client is told. */
import postgres from "postgres";
import t from "tap";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { startTestWorker } from "./worker.ts";

const TIMEOUT_MS = 4_000;
/** More than a worker has connections. */
const STUCK = 24;

const update = (user: string, n: number) => ({
  user,
  frame: JSON.stringify(["user.update", n, { profile: { n } }]),
});

t.test("a row that somebody else has locked", async (t) => {
  const { databaseUrl, wire, logIn } = await startTestWorker(t, {
    FOYER_COMMAND_TIMEOUT_MS: String(TIMEOUT_MS),
  });
  const [stuck, free] = [await logIn("stuck"), await logIn("free")];
  const other = postgres(databaseUrl, { max: 1 });
  t.teardown(() => other.end());
  await other`begin`;
  await other`select from users where id = ${stuck} for update`;

  const began = performance.now();
  const { replies } = await wire.send(Array.from({ length: STUCK }, (_, n) => update(stuck, n)));
  const { json } = await wire.ask(update(free, 1));
  t.equal(json[0], "success", "the others are answered while it is stuck");
  for (const { frame } of await replies) t.match(String(frame), /server\.timeout/);
  t.ok(performance.now() - began < 3 * TIMEOUT_MS, "and not for ever");

  await other`rollback`;
  t.equal((await wire.ask(update(stuck, 100))).json[0], "success");
});

t.test("a command whose time is over is not run", async (t) => {
  const { wire, sql, worker, start, logIn } = await startTestWorker(t, {
    FOYER_COMMAND_TIMEOUT_MS: String(TIMEOUT_MS),
  });
  const user = await logIn("somebody");
  await worker.stop();
  const { replies } = await wire.send([update(user, 1)]);
  await waitFor("its time to be over", async () => {
    const [seconds] = await wire.redis.time();
    const [entry] = await wire.redis.xrange(wire.keys.commandStream(0), "-", "+");
    return Number(seconds) * 1000 - Number(entry![0].split("-")[0]) > TIMEOUT_MS + 1_000;
  });
  const second = await start();
  t.teardown(() => second.stop());
  const [{ frame } = { frame: "" }] = await replies;
  t.match(String(frame), /server\.timeout/);
  const [row] = await sql`select profile from users where id = ${user}`;
  t.same(row!.profile, {}, "it has not been run");
});
