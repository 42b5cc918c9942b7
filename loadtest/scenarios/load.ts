/** What the scenarios over generators have in common: a run against a target, and who its members are. */
import type { Target } from "../cluster.ts";
import type { JoinPlan } from "../generator/plans.ts";
import type { People } from "../logins.ts";
import type { Run } from "../run.ts";

/** What such a scenario gets. */
export interface Load {
  run: Run;
  target: Target;
  clients: number;
  /** The number of the first member: others may have those before, in other places. */
  first: number;
  seconds: number;
  atOnce: number;
  /** Accounts of an earlier run with the same seed are found again. */
  seed: string;
}

/** How the members of a group come in; what is left out is as most want it. */
type Joining = Partial<JoinPlan> & { group: string };

/** Logs members in, half of them by tokens where the target has a key. @throws Error when nobody gets in */
export async function gather(load: Load, joining: Joining): Promise<{ joined: number; seconds: number }> {
  const { run, target, clients, first, atOnce, seed } = load;
  const key = target.key ?? undefined;
  const people: People = { kind: key === undefined ? "guest" : "mixed", seed, key };
  const result = await run.crew.join({
    dialect: { name: "foyer" },
    urls: target.urls,
    first,
    count: clients,
    tabs: 1,
    people,
    pace: { atOnce },
    ...joining,
  });
  if (result.joined === 0 && (joining.count ?? clients) > 0) run.broken.push("nobody got in");
  return result;
}

/** Somebody still connected who should not be, or the other way round, is a broken promise. */
export async function expectConnected(run: Run, group: string, expected: number): Promise<void> {
  const connected = await run.crew.count(group);
  if (connected !== expected) run.broken.push(`${connected} are connected at the end, ${expected} should be`);
}
