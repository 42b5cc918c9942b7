import t from "tap";
import { readFrame } from "../frame.js";
t.test("a frame is a JSON array of two or three elements", async (t) => {
    t.same(readFrame('["user.fetch",{"id":"x"}]'), {
        kind: "request",
        action: "user.fetch",
        id: undefined,
        text: '["user.fetch",{"id":"x"}]',
    });
    t.match(readFrame('["a",1,{}]'), { kind: "request", id: 1 });
    t.match(readFrame('["a","one",null]'), { kind: "request", id: "one" });
});
t.test("what is none is invalid", async (t) => {
    const invalid = ["", "{", "{}", "5", '"ping"', "null", "[]", '["user.fetch"]', "[1,{}]", "[null,1,{}]"];
    for (const text of [...invalid, '["a",1,{},4]', '["ping"]', '["ping",1,2]', '["ping",1,2,3]']) {
        t.equal(readFrame(text).kind, "invalid", text);
    }
});
t.test("an invalid frame of three elements keeps an id that can be echoed", async (t) => {
    t.match(readFrame("[1,7,{}]"), { kind: "invalid", id: 7 });
});
t.test("an id is a finite number or a string of at most 64 characters", async (t) => {
    for (const id of [0, -1.5, 1e300, "", "x".repeat(64), "🎪".repeat(64)]) {
        t.match(readFrame(JSON.stringify(["a", id, {}])), { kind: "request", id });
    }
    for (const id of [null, true, {}, [], "x".repeat(65), "🎪".repeat(65)]) {
        t.same(readFrame(JSON.stringify(["a", id, {}])), { kind: "invalid", id: undefined }, JSON.stringify(id));
    }
    t.match(readFrame('["a",1e400,{}]'), { kind: "invalid" });
});
t.test("a ping's payload is echoed as it was written", async (t) => {
    for (const payload of ["1", "12345678901234567890", "null", '"a,b]"', '{"a":[1,2]}', "[[]]", "1e400"]) {
        t.same(readFrame(`["ping",${payload}]`), { kind: "ping", payload });
        t.same(readFrame(` [ "p\\u0069ng" , ${payload} ] `), { kind: "ping", payload });
    }
});
//# sourceMappingURL=frame.test.js.map