/** What holds of reading any frame whatever. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import t from "tap";
import { errorBody } from "../../shared/protocol/errors.ts";
import { errorFrame, successFrame } from "../../shared/protocol/frames.ts";
import { anyText, holds } from "../../shared/testing/properties.ts";
import { readFrame } from "../frame.ts";

const id = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.string({ unit: "binary", maxLength: 64 }),
  anyText,
);
const action = fc.oneof(fc.constantFrom("user.fetch", "authenticate", "é", ""), anyText);
const payload = fc.jsonValue({ stringUnit: "binary" });
const blank = fc.string({ unit: fc.constantFrom(" ", "\t", "\n", "\r"), maxLength: 3 });

/** A frame of these elements with blanks wherever JSON allows them. */
const frameText = (elements: fc.Arbitrary<unknown[]>) =>
  fc
    .tuple(elements, fc.array(blank, { minLength: 8, maxLength: 8 }))
    .map(([parts, [first, last, ...between]]) => {
      const texts = parts.map((part, i) => `${between[i]}${JSON.stringify(part)}${between[i + 3] ?? ""}`);
      return { parts: JSON.parse(JSON.stringify(parts)), text: `${first}[${texts.join(",")}]${last}` };
    });

/** Text with one place of it changed. */
const damaged = fc
  .tuple(frameText(fc.tuple(action, id, payload)), fc.nat(), fc.nat(3), anyText)
  .map(([{ text }, at, length, instead]) => {
    const start = at % (text.length + 1);
    return text.slice(0, start) + instead + text.slice(start + length);
  });

t.test("an id comes back by value, in successes as in errors", async (t) => {
  await holds(frameText(fc.tuple(action, id, payload)), 1_000, ({ parts, text }) => {
    if (parts[0] === "ping") return;
    const frame = readFrame(text);
    ok(frame.kind === "request");
    strictEqual(frame.action, parts[0]);
    strictEqual(frame.text, text);
    for (const answer of [successFrame(frame.id, "{}"), errorFrame(frame.id, errorBody("server.timeout"))]) {
      const echoed = JSON.parse(answer)[1];
      ok(echoed === parts[1], `${JSON.stringify(parts[1])} came back as ${answer}`);
    }
  });
  t.pass();
});

t.test("a frame without an id is answered without one", async (t) => {
  await holds(frameText(fc.tuple(action, payload)), 500, ({ parts, text }) => {
    if (parts[0] === "ping") return;
    const frame = readFrame(text);
    ok(frame.kind === "request");
    strictEqual(frame.id, undefined);
    strictEqual(JSON.parse(successFrame(frame.id, "{}")).length, 2);
  });
  t.pass();
});

t.test("a ping's payload comes back by value", async (t) => {
  await holds(frameText(fc.tuple(fc.constant("ping"), payload)), 1_000, ({ parts, text }) => {
    const frame = readFrame(text);
    ok(frame.kind === "ping");
    deepStrictEqual(JSON.parse(`["pong",${frame.payload}]`), ["pong", parts[1]]);
  });
  t.pass();
});

t.test("no text makes reading throw, and what is read as a request is one", async (t) => {
  const text = fc.oneof(anyText, fc.json(), damaged, fc.string({ unit: fc.constantFrom(...'[]{}",:0e\\u') }));
  await holds(text, 2_000, (text) => {
    const frame = readFrame(text);
    if (frame.kind === "invalid") return;
    const parts = JSON.parse(text);
    strictEqual(parts[0], frame.kind === "ping" ? "ping" : frame.action);
    if (frame.kind === "ping") return;
    strictEqual(parts.length, frame.id === undefined ? 2 : 3);
    if (frame.id !== undefined) strictEqual(frame.id, parts[1]);
  });
  t.pass();
});
