/**
 * `login-storm`: everybody comes at once, into a world of 40 rooms: guests, people who were here before, and people
 * whose tokens make new accounts. Nobody may fail, and all stay.
 */
import { round } from "../report.ts";
import { expectConnected, gather, type Load } from "./load.ts";

/** Runs it. */
export async function runLoginStorm(load: Load): Promise<Record<string, unknown>> {
  const { run, target, clients, first, seconds, seed, atOnce } = load;
  const key = target.key ?? undefined;
  const third = key === undefined ? 0 : Math.floor(clients / 3);
  if (key === undefined) run.note("no key to sign tokens with (--secret): all come as guests");
  else {
    run.note(`making ${third} accounts that will be known`);
    const people = { kind: "token" as const, seed: `${seed}-known`, key };
    await gather(load, { group: "before", count: third, people, label: "login before" });
    await run.crew.leave("before");
  }
  run.note(`${clients} log in`);
  const groups = [
    { group: "guests", label: "login guest", count: clients - 2 * third, kind: "guest" as const, of: seed },
    { group: "known", label: "login known", count: third, kind: "token" as const, of: `${seed}-known` },
    { group: "new", label: "login new", count: third, kind: "token" as const, of: `${seed}-new` },
  ];
  const pace = { atOnce: Math.max(1, Math.round(atOnce / groups.length)) };
  const began = performance.now();
  const results = await Promise.all(
    groups.map(({ group, label, count, kind, of }) =>
      count === 0
        ? { joined: 0, seconds: 0 }
        : gather(load, { group, label, count, first, seconds, pace, people: { kind, seed: of, key } }),
    ),
  );
  const took = (performance.now() - began) / 1000;
  const joined = results.reduce((sum, result) => sum + result.joined, 0);
  for (const [i, { group }] of groups.entries()) await expectConnected(run, group, results[i]!.joined);
  return { loggedIn: joined, seconds: round(took), perSecond: Math.round(joined / took) };
}
