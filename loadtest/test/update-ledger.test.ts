import t from "tap";
import {
  createLedger,
  isSettled,
  missing,
  noteAcknowledged,
  noteBroadcast,
  noteResent,
  noteSent,
} from "../update-ledger.ts";

t.test("an update is settled once it is answered and seen, in either order", async (t) => {
  const ledger = createLedger();
  t.equal(noteSent(ledger, 0), 1);
  t.equal(noteBroadcast(ledger, 1, 4), 4);
  t.notOk(isSettled(ledger));
  t.equal(noteAcknowledged(ledger, 5), 5);
  t.ok(isSettled(ledger));
  noteSent(ledger, 10);
  noteAcknowledged(ledger, 11);
  t.strictSame(missing(ledger), [2]);
  t.equal(noteBroadcast(ledger, 2, 13), 3);
  t.ok(isSettled(ledger));
});

t.test("a broadcast that is doubled, old or invented is told apart", async (t) => {
  const ledger = createLedger();
  noteSent(ledger, 0);
  noteAcknowledged(ledger, 0);
  noteSent(ledger, 0);
  noteBroadcast(ledger, 2, 0);
  t.match(noteBroadcast(ledger, 2, 0), /twice/);
  t.match(noteBroadcast(ledger, 1, 0), /older state/);
  t.match(noteBroadcast(ledger, 3, 0), /nobody wrote/);
  t.match(noteBroadcast(ledger, undefined, 0), /nobody wrote/);
});

t.test("one that was sent again may be overtaken, but not be the last one missing", async (t) => {
  const ledger = createLedger();
  noteSent(ledger, 0);
  noteResent(ledger, 10);
  t.equal(noteAcknowledged(ledger, 11), 11, "the answer counts from the first attempt");
  t.strictSame(missing(ledger), [1]);
  noteSent(ledger, 12);
  noteAcknowledged(ledger, 13);
  noteBroadcast(ledger, 2, 13);
  t.strictSame(missing(ledger), []);
});
