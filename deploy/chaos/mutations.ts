/**
 * Does the checker find what it is for? Each mutation switches one invariant off, in a copy of the compiled code,
 * and comes with the load and the faults that bring it to light. The code as it is passes the same.
 */
import type { Fault, FaultKind } from "./plan.ts";
import type { Scenario } from "./run.ts";
import type { SourceEdit } from "./world/build.ts";

/** One invariant switched off. */
export interface Mutation {
  name: string;
  edits: readonly SourceEdit[];
  scenario: Scenario;
  /** Rules of which at least one has to be found broken. */
  shownBy: readonly string[];
}

const fault = (kind: FaultKind, target: string, at: number, forMs: number, amount = 0): Fault => ({
  kind,
  target,
  at,
  forMs,
  amount,
});

const load = { seed: 1, seconds: 5, accounts: 10, victims: 0, everyMs: 40 };

export const mutations: readonly Mutation[] = [
  {
    name: "acknowledge before commit",
    edits: [
      {
        file: "core/batch.js",
        find: "const answered = await Promise.all(",
        replace: `for (const { n, frame } of commands) {
        const [action, id] = JSON.parse(frame);
        if (action === "user.update")
            runner.writer.reply(entry.envelope, { n, frame: JSON.stringify(["success", id, {}]), effect: null });
    }
    runner.writer.finish({ stream: entry.stream, id: entry.id, commands: commands.length });
    const answered = await Promise.all(`,
      },
    ],
    // Each command takes a second: some are under way when the worker dies.
    scenario: {
      ...load,
      plan: [fault("slow-postgres", "worker-1", 1_500, 2_000, 100), fault("kill", "worker-1", 2_500, 0)],
    },
    shownBy: ["lost update"],
  },
  {
    name: "no command_log",
    edits: [
      {
        file: "core/sql/command-log.js",
        find: "return rows.length > 0;",
        replace: "return true;",
      },
    ],
    // One worker's answers are held up, so that the gateway, whose link breaks meanwhile, writes again what is done
    // already; and others have written since.
    scenario: {
      ...load,
      accounts: 20,
      haste: 0,
      seconds: 11,
      plan: [1_500, 4_700, 7_900].flatMap((at) => [
        fault("slow-postgres", "worker-1", at - 300, 700, 30),
        fault("hold-redis-up", "worker-1", at, 2_400),
        fault("cut-redis", "gateway-1", at + 600, 30),
      ]),
    },
    shownBy: ["effect twice", "older after newer"],
  },
  {
    name: "no stream position",
    edits: [
      {
        file: "core/sql/own-updates.js",
        find: "case when l.profile_position < n.position then n.profile::jsonb end as",
        replace: "n.profile::jsonb as",
      },
    ],
    // A worker runs late what its client has given up, and has overtaken over another connection.
    scenario: {
      ...load,
      haste: 1,
      seconds: 7,
      plan: [fault("hold-postgres", "worker-1", 1_500, 2_800)],
    },
    shownBy: ["older over newer"],
  },
  {
    name: "no actor lock",
    edits: [
      {
        file: "core/sql/users.js",
        find: "order by u.id for no key update of u",
        replace: "order by u.id",
      },
      {
        file: "core/sql/own-updates.js",
        find: "order by u.id for no key update of u skip locked",
        replace: "order by u.id",
      },
    ],
    scenario: {
      ...load,
      accounts: 12,
      victims: 3,
      seconds: 6,
      plan: [
        fault("slow-postgres", "worker-1", 1_000, 4_000, 40),
        fault("slow-postgres", "worker-2", 1_000, 4_000, 40),
      ],
    },
    shownBy: ["lost update", "ban is absolute", "older over newer"],
  },
  {
    name: "no version check",
    edits: [
      {
        file: "gateway/fan-out.js",
        find: "return missed ? version >= known : version > known;",
        replace: "return true;",
      },
    ],
    // What one worker has to say comes later than what the other one has done since.
    scenario: { ...load, plan: [1_500, 3_000].map((at) => fault("hold-redis-up", "worker-1", at, 1_000)) },
    shownBy: ["older after newer"],
  },
  {
    name: "no fence confirmation",
    edits: [
      {
        file: "core/fence.js",
        find: "else if (waitedFor.length === 0)",
        replace: "else if (waitedFor.length >= 0)",
      },
    ],
    // The gateway that has to cut them off hears of it late, while answers are on their way to it.
    scenario: {
      ...load,
      accounts: 6,
      victims: 6,
      // On a busy machine bans take their time: there have to be enough of them.
      seconds: 9,
      banEveryMs: 100,
      plan: [fault("slow-redis", "gateway-2", 1_000, 8_000, 300)],
    },
    shownBy: ["ban is absolute"],
  },
  {
    name: "no resync",
    edits: [
      {
        file: "gateway/resync.js",
        find: "return (world, user) => batches.add(world, [user]);",
        replace: "return () => {};",
      },
    ],
    // The last word is said while one gateway does not hear.
    scenario: { ...load, seconds: 4, plan: [fault("cut-redis", "gateway-2", 2_000, 3_000)] },
    shownBy: ["converges"],
  },
];
