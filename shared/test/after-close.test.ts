/** What a client does after its connection ended. */
import t from "tap";
import { afterClose, type Ended } from "../client/after-close.ts";
import { CommandError } from "../client/command-error.ts";
import { closeCodes } from "../protocol/close-codes.ts";

const options = { firstMs: 100, capMs: 1_000, spreadMs: 2_000 };
const decide = (ended: Partial<Ended>, random = 1) =>
  afterClose({ code: 1006, refusal: null, failures: 0, ...ended }, options, random);

t.test("a broken link comes back, with waits that grow to the cap", async (t) => {
  const waits = [0, 1, 2, 3, 4, 50].map((failures) => decide({ failures }));
  t.match(
    waits,
    [100, 200, 400, 800, 1_000, 1_000].map((waitMs) => ({ kind: "again", waitMs, resend: true })),
  );
});

t.test("a gateway that goes away has its clients spread, from none of the time to all of it", async (t) => {
  const code = closeCodes.restart;
  t.match(
    [0, 0.5, 1].map((random) => decide({ code }, random)),
    [0, 1_000, 2_000].map((waitMs) => ({ waitMs })),
  );
  t.match(
    decide({ code, failures: 2 }),
    { waitMs: 400 },
    "one that goes on refusing is a failure like others",
  );
});

t.test("every close code has its consequence", async (t) => {
  const kinds = Object.entries(closeCodes).map(([name, code]) => [name, decide({ code }).kind]);
  t.strictSame(Object.fromEntries(kinds), {
    policy: "end",
    unacceptable: "end",
    tooBig: "again",
    fatal: "again",
    restart: "again",
    slow: "again",
    reload: "pause",
    replaced: "end",
  });
  t.match(decide({ code: closeCodes.tooBig }), { resend: false }, "what was too large is so again");
});

t.test("a login that is refused for good is the end; one that says later is tried later", async (t) => {
  for (const code of ["auth.denied", "auth.invalid_token", "world.unknown_world"] as const) {
    t.equal(decide({ code: 1000, refusal: new CommandError(code) }).kind, "end", code);
  }
  for (const code of ["server.timeout", "server.overloaded", "server.fatal"] as const) {
    t.match(decide({ refusal: new CommandError(code) }), { kind: "again", waitMs: 100 }, code);
  }
  const limited = new CommandError("protocol.rate_limited", "", { retry_after_ms: 5_000 });
  t.match(decide({ refusal: limited }), { kind: "again", waitMs: 5_000 });
});

t.test("without reconnecting every end is the last, but for a page that is to be loaded anew", async (t) => {
  const last = (code: number) => afterClose({ code, refusal: null, failures: 0 }, false).kind;
  t.strictSame([1006, 1012, 1013, 4000].map(last), ["end", "end", "end", "pause"]);
});
