/** Answers that are too large for one reply, whichever way their command is run. */
import t from "tap";
import { startTestWorker } from "./worker.ts";

t.test("a fetch that is answered with its batch goes out in parts where it is large", async (t) => {
  const { wire, sql, logIn } = await startTestWorker(t);
  const reader = await logIn("reader");
  const wide = await sql<{ id: string }[]>`
    insert into users (world_id, client_id, profile)
    select 'w', 'wide ' || i, jsonb_build_object('about', repeat('So much to say. ', 1800))
    from generate_series(1, 10) i returning id`;
  const fetchOf = async (count: number) => {
    const ids = wide.slice(0, count).map(({ id }) => id);
    const { replies } = await wire.send([
      { user: reader, frame: JSON.stringify(["user.fetch", 1, { ids }]) },
    ]);
    return (await replies)[0]!;
  };
  const small = await fetchOf(5);
  t.equal(small.part, undefined);
  t.match(small.frame, /^\["success",1,/);
  const { frame, part } = await fetchOf(10);
  t.equal(frame, "");
  t.match(part, { number: 0 });
});
