/** The checker names each promise that a history breaks, with the least that shows it; and a good one has none. */
import t from "tap";
import { checkMemory } from "../check/memory.ts";
import { checkRecovery, measureRecovery } from "../check/recovery.ts";
import { formatReport } from "../report.ts";
import { rowOf, Story } from "./story.ts";

/** One that is as it should be: two connections, updates over both, a ban, and somebody who comes back. */
function good(): Story {
  return new Story()
    .opens(1)
    .opens(2)
    .sends(1, 1, "a.1")
    .hears(1, 1)
    .isPushed(2, "a.1")
    .sends(2, 1, "b.1")
    .hears(2, 1)
    .isPushed(1, "b.1");
}

t.test("a history in which all was kept", (t) => {
  t.same(good().judge(rowOf(["a.1", "b.1"])), []);
  const banned = good()
    .isBanned()
    .closes(1)
    .closes(2)
    .isReactivated()
    .opens(3, { profile: { client: "b", seq: 1 } });
  t.same(banned.judge(rowOf(["a.1", "b.1", "banned", "reactivated"])), []);
  t.end();
});

t.test(
  "an update that overtook an acknowledged one, which was under way at the same time, is no loss",
  (t) => {
    const story = new Story().opens(1).opens(2).sends(1, 1, "a.1").sends(2, 1, "b.1").hears(1, 1).hears(2, 1);
    t.same(story.isPushed(1, "b.1").judge(rowOf(["b.1"])), []);
    t.end();
  },
);

t.test("what was broken is named, with the least that shows it", (t) => {
  const cases: [what: string, rule: string, story: Story, row: ReturnType<typeof rowOf>, shown: string[]][] =
    [
      [
        "an acknowledged update that never took effect",
        "lost update",
        good().sends(1, 2, "a.2").hears(1, 2).isPushed(2, "b.1"),
        rowOf(["a.1", "b.1"]),
        ["opened", "sent a.2", "answered"],
      ],
      [
        "a value that came without a change on record",
        "lost update",
        good(),
        rowOf(["a.1", "b.1"], { profile: "a.1" }),
        ["opened", "opened", "sent a.1", "answered", "sent b.1", "answered"],
      ],
      [
        "a client state older than what was acknowledged",
        "lost update",
        new Story()
          .opens(1)
          .sends(1, 1, "a.1", "clientState")
          .hears(1, 1)
          .sends(1, 2, "a.2", "clientState")
          .hears(1, 2),
        rowOf([], { clientState: "a.1" }),
        ["opened", "sent a.1", "answered", "sent a.2", "answered"],
      ],
      [
        "an effect that came twice",
        "effect twice",
        new Story().opens(1).sends(1, 1, "a.1").hears(1, 1),
        rowOf(["a.1", "a.1"]),
        ["opened", "sent a.1", "answered"],
      ],
      [
        "an older update over a newer one, from an earlier connection",
        "older over newer",
        new Story().opens(1).sends(1, 1, "a.1").closes(1).opens(2).sends(2, 1, "a.2").hears(2, 1),
        rowOf(["a.2", "a.1"]),
        ["opened", "sent a.1", "closed", "opened", "sent a.2", "answered"],
      ],
      [
        "a refusal that took effect all the same",
        "refused, yet done",
        new Story().opens(1).sends(1, 1, "a.1").hears(1, 1, "refused"),
        rowOf(["a.1"]),
        ["opened", "sent a.1", "answered"],
      ],
      ["an effect that nobody asked for", "unknown update", new Story().opens(1), rowOf(["a.1"]), []],
      [
        "pushes in the wrong order",
        "older after newer",
        good()
          .opens(3, { profile: { client: "b", seq: 1 } })
          .isPushed(3, "a.1"),
        rowOf(["a.1", "b.1"]),
        ["loggedIn", "pushed"],
      ],
      [
        "a state that never was",
        "unknown state",
        good().isPushed(1, "c.9"),
        rowOf(["a.1", "b.1"]),
        ["pushed"],
      ],
      [
        "an open connection that was never told the last word",
        "converges",
        good().sends(2, 2, "b.2").hears(2, 2),
        rowOf(["a.1", "b.1", "b.2"]),
        ["opened", "pushed", "sent b.2", "answered"],
      ],
      [
        "answers in the wrong order",
        "answers in order, once",
        new Story().opens(1).sends(1, 1, "a.1").sends(1, 2, "a.2").hears(1, 2).hears(1, 1),
        rowOf(["a.1", "a.2"]),
        ["sent a.2", "sent a.1", "answered"],
      ],
      [
        "an answer that comes twice",
        "answers in order, once",
        new Story().opens(1).sends(1, 1, "a.1").hears(1, 1).hears(1, 1),
        rowOf(["a.1"]),
        ["sent a.1", "answered"],
      ],
      [
        "a command without an answer, on a connection that stays open",
        "never silence",
        new Story().opens(1).sends(1, 1, "a.1").wait(14_000),
        rowOf(["a.1"]),
        ["sent a.1"],
      ],
      [
        "a command without an answer, until its client gave up",
        "never silence",
        new Story().opens(1).sends(1, 1, "a.1").wait(14_000).closes(1, true),
        rowOf(["a.1"]),
        ["sent a.1", "closed"],
      ],
      [
        "a frame after a ban that had been answered",
        "ban is absolute",
        good().isBanned().isPushed(1, "b.1"),
        rowOf(["a.1", "b.1", "banned"]),
        ["banned", "pushed"],
      ],
      [
        "an effect after a ban",
        "ban is absolute",
        new Story().opens(1).sends(1, 1, "a.1").hears(1, 1, "unknown").closes(1),
        rowOf(["banned", "a.1"]),
        ["sent a.1", "answered"],
      ],
      [
        "a bug",
        "no bug",
        new Story().opens(1).isTold(1, '["error",{"code":"server.fatal"}]'),
        rowOf([]),
        ["frame"],
      ],
    ];
  for (const [what, rule, story, row, shown] of cases) {
    const found = story.judge(row);
    const named = found.find((violation) => violation.rule === rule);
    t.ok(named, `${what}: ${rule}, of ${found.map((violation) => violation.rule).join() || "nothing"}`);
    const events = named?.events.map((event) =>
      event.kind === "sent" ? `sent ${event.tag!.client}.${event.tag!.seq}` : event.kind,
    );
    t.same(events, shown, what);
  }
  t.end();
});

t.test("what is silent for less long, or closed by then, is no silence", (t) => {
  t.same(new Story().opens(1).sends(1, 1, "a.1").wait(10_000).judge(rowOf([])), []);
  t.same(new Story().opens(1).sends(1, 1, "a.1").closes(1).wait(20_000).judge(rowOf([])), []);
  t.end();
});

t.test("recovery", (t) => {
  // One client: successes over gateway-1 at 5 s, over gateway-2 at 6 s; and again at 13 and 15 s.
  const story = new Story()
    .opens(1)
    .opens(2)
    .hears(1, 1)
    .hears(2, 1)
    .wait(6_000)
    .hears(1, 2)
    .wait(1_000)
    .hears(2, 2);
  const fault = (label: string, from: number, to: number) => ({ label, nodes: [], from, to });
  const measure = (...faults: ReturnType<typeof fault>[]) =>
    measureRecovery(story.events, faults, ["gateway-1", "gateway-2"], 60_000);
  t.same(measure(fault("kill", 3_500, 5_500)), [{ label: "kill", gatewaysMs: 7_500, clientsMs: 500 }]);
  t.match(checkRecovery(measure(fault("kill", 3_500, 5_500)))[0], {
    rule: "recovery within 5 s",
    message: 'after "kill" a gateway had its first success after 7.5 s',
  });
  t.same(checkRecovery(measure(fault("quick", 10_000, 11_000))), []);
  t.match(checkRecovery(measure(fault("for good", 20_000, 21_000)))[0]!.message, "not at all");
  t.match(measure(fault("one", 10_000, 11_000), fault("another", 12_000, 13_000))[0], { gatewaysMs: null });
  t.end();
});

t.test("memory", (t) => {
  const used = [
    { name: "gateway-1", mostMb: 140 },
    { name: "worker-1", mostMb: 900 },
  ];
  t.match(checkMemory(used), [{ rule: "memory is bounded", message: "worker-1 had 900 MB" }]);
  t.end();
});

t.test(
  "a report of a failure has the seed, how to do it again, and the shortest history that shows it",
  (t) => {
    const story = good().sends(1, 2, "a.2").hears(1, 2).isPushed(2, "b.1");
    const result = {
      violations: story.judge(rowOf(["a.1", "b.1"])),
      recoveries: [{ label: "kill worker-1", gatewaysMs: 210, clientsMs: null }],
      commands: 3,
      succeeded: 3,
      connections: 2,
      memory: [{ name: "gateway-1", mostMb: 140 }],
      folder: "/tmp/somewhere",
    };
    const text = formatReport(result, 7, "npm run chaos -- --seed 7");
    t.match(text, "Seed 7; once more: npm run chaos -- --seed 7");
    t.match(text, "Data and logs: /tmp/somewhere");
    const [, ...shown] = text
      .split("\n")
      .slice(text.split("\n").findIndex((line) => line.startsWith("BROKEN: lost")));
    const history = shown.slice(0, shown.indexOf(""));
    t.equal(history.length, 3, "of eleven events those three of the update that was lost");
    for (const [i, part] of ["#1  opened", "#1  sent      id=2", "#1  answered  id=2"].entries())
      t.match(history[i], part);
    t.notMatch(formatReport({ ...result, violations: [] }, 7, "again"), "BROKEN");
    t.end();
  },
);
