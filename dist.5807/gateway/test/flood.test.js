import t from "tap";
import { commandsOf, FloodLimit, weightOf } from "../flood.js";
t.test("what an ordinary client sends counts as one command", async (t) => {
    const fields = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`field ${i}`, "Some words, and more."]));
    const ordinary = [
        '["ping",1]',
        '["user.fetch",1,{"id":"x"}]',
        JSON.stringify(["user.update", 1, { fields }]),
    ];
    for (const text of [...ordinary, `["user.update",1,{"profile":{"about":"${"long, ".repeat(300)}"}}]`]) {
        t.equal(commandsOf(weightOf(text)), 1, text.slice(0, 40));
    }
});
t.test("what takes long to read weighs more", async (t) => {
    const keys = `{${Array.from({ length: 5_000 }, (_, i) => `"k${i}":0`).join()}}`;
    const lists = "[".repeat(32_000) + "]".repeat(32_000);
    t.ok(weightOf("x".repeat(64_000)) < 50);
    t.ok(weightOf(lists) > 1_000);
    t.ok(weightOf(keys) > 2_000);
    t.ok(commandsOf(weightOf(keys)) > 20);
});
t.test("ten thousand at once, then a thousand a second", async (t) => {
    const flood = new FloodLimit(0);
    for (let i = 0; i < 10_000; i++)
        if (flood.isTooMuch(1, 0))
            t.fail(`${i} are too much`);
    t.ok(flood.isTooMuch(1, 0));
    t.notOk(flood.isTooMuch(1, 1));
    t.ok(flood.isTooMuch(1, 1));
});
//# sourceMappingURL=flood.test.js.map