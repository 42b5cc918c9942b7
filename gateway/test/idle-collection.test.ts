import t from "tap";
import { IdleCollection } from "../idle-collection.ts";

/** Lets time pass, with so many answers a second; gives how often memory was given back. */
function pass() {
  let now = 0;
  let answered = 0;
  let collected = 0;
  const collection = new IdleCollection(now, () => collected++);
  return (seconds: number, perSecond: number): number => {
    const before = collected;
    for (let tick = 0; tick < seconds * 10; tick++) {
      now += 100;
      answered += perSecond / 10;
      collection.tick(now, Math.floor(answered));
    }
    return collected - before;
  };
}

t.test("memory is given back once after a rush, when it has been quiet for a while", async (t) => {
  const seconds = pass();
  t.equal(seconds(10, 0), 0, "nothing has happened yet");
  t.equal(seconds(10, 2_000), 0, "not while there is a rush");
  t.equal(seconds(2, 0), 0, "nor at once after it");
  t.equal(seconds(60, 10), 1, "but soon, and once");
  t.equal(seconds(5, 2_000), 0);
  t.equal(seconds(10, 0), 1, "again after another one");
});

t.test("a gateway that is always in use is left alone", async (t) => {
  t.equal(pass()(120, 300), 0);
});
