import t from "tap";
import { spread } from "../spread.js";
const numbers = Array.from({ length: 100 }, (_, i) => i);
const never = new AbortController().signal;
const sorted = (list) => [...list].sort((a, b) => a - b);
t.test("without a time it is done to all at once", (t) => {
    const done = [];
    void spread(numbers, 0, never, (number) => done.push(number));
    t.same(sorted(done), numbers);
    t.notSame(done, numbers, "in random order");
    t.end();
});
t.test("over a time it is done to each once, and not to all at the start", async (t) => {
    const done = [];
    const spreading = spread(numbers, 300, never, (number) => done.push(number));
    t.ok(done.length < numbers.length);
    await spreading;
    t.same(sorted(done), numbers);
});
t.test("hastened, it is done at once to all that are left", async (t) => {
    const done = [];
    const hasten = new AbortController();
    const spreading = spread(numbers, 3_600_000, hasten.signal, (number) => done.push(number));
    hasten.abort();
    await spreading;
    t.same(sorted(done), numbers);
});
//# sourceMappingURL=spread.test.js.map