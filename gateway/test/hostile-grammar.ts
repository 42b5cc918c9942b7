/**
 * A grammar of frames that nobody should send. Values are JSON text, not values: much of what is hostile about a frame
 * is gone once somebody has read it, such as 1e400, keys given twice, or the digits of a large number.
 */
import fc from "fast-check";
import { logins } from "../../shared/protocol/authenticate.ts";
import { commands, examplesOf, isCommand } from "../../shared/protocol/commands.ts";
import { anyText, trickyName } from "../../shared/testing/properties.ts";
import { MARK } from "./hostile-stand.ts";

const DEPTH = 10_000;

const numbers = ["1e400", "-1e400", "-0", "1e308", "5e-324", "9007199254740993", "9".repeat(400), "0.1e-7"];
const texts = [
  "a\0b",
  "\ud800",
  "\udfff\ud800",
  "%_\\",
  "'; drop table users; --",
  "$(touch x) `x` %s %n",
  `\n{"level":"info","event":"${MARK}"}\n`,
  `\r\n\u2028${MARK}`,
  "x".repeat(60_000),
  "🎪".repeat(201),
  "00000000-0000-0000-0000-000000000000",
  "00000000-0000-0000-0000-000000000000\0",
].map((text) => JSON.stringify(text));
const structures = [
  "[".repeat(DEPTH) + "]".repeat(DEPTH),
  `${'{"a":'.repeat(DEPTH / 2)}1${"}".repeat(DEPTH / 2)}`,
  '{"__proto__":{"isAdmin":true,"display_name":"x"}}',
  '{"constructor":{"prototype":{"isAdmin":true}}}',
  '{"a":1,"a":2,"__proto__":null}',
  `[${Array.from({ length: 5_000 }, () => "1e308").join()}]`,
  `[${Array.from({ length: 10_000 }, () => '""').join()}]`,
  `{${Array.from({ length: 3_000 }, (_, i) => `"k${i}":${i}`).join()}}`,
  `["${"00000000-0000-0000-0000-000000000000"}","\\u0000","\\ud800"]`,
  "null",
  "true",
  "[]",
  "{}",
  '""',
];

/** Any hostile value, as JSON text. */
export const hostileJson: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...numbers),
  fc.constantFrom(...texts),
  fc.constantFrom(...structures),
  anyText.map((text) => JSON.stringify(text)),
  fc.jsonValue({ stringUnit: "binary", maxDepth: 4 }).map((value) => JSON.stringify(value)),
);

const hostileKey = fc.oneof(trickyName, anyText, fc.constantFrom("prototype", "id", "profile"));

/** Bodies that are right, with the name that they go with. */
const rightBodies: [string, object][] = [
  ...Object.keys(commands).flatMap((name) =>
    isCommand(name) ? examplesOf(name).map(({ body }): [string, object] => [name, body]) : [],
  ),
  ...Object.values(logins).flatMap(({ examples }) =>
    examples.map((body): [string, object] => ["authenticate", body]),
  ),
];

/** Each right body, once for each text in it, with that one replaced. */
export function withEachText(text: string): [string, object][] {
  return rightBodies.flatMap(([name, body]) =>
    Object.entries(body).flatMap(([key, value]): [string, object][] => {
      if (typeof value === "string") return [[name, { ...body, [key]: text }]];
      if (Array.isArray(value)) return [[name, { ...body, [key]: [text, ...value] }]];
      return typeof value === "object" ? [[name, { ...body, [key]: { [text]: text } }]] : [];
    }),
  );
}

/** Every key that some command knows. */
const knownKeys = [...new Set(rightBodies.flatMap(([, body]) => Object.keys(body)))];

/** A right command with one part made hostile: a known key's value, a key too many, or the whole. */
const damagedCommand = fc
  .tuple(
    fc.constantFrom(...rightBodies),
    fc.constantFrom("known", "known", "extra", "whole", "none"),
    fc.constantFrom(...knownKeys),
    hostileKey,
    hostileJson,
  )
  .map(([[name, body], part, anyKey, newKey, value]): [string, string] => {
    const keys = Object.keys(body);
    const key = part === "extra" ? newKey : (keys.find((each) => each === anyKey) ?? keys[0] ?? anyKey);
    const rest = Object.entries(body).filter(([each]) => part === "none" || each !== key);
    const pairs = rest.map(([each, item]) => `${JSON.stringify(each)}:${JSON.stringify(item)}`);
    if (part !== "none") pairs.push(`${JSON.stringify(key)}:${value}`);
    return [name, part === "whole" ? value : `{${pairs.join()}}`];
  });

const anyAction = fc.oneof(
  fc.constantFrom("ping", "user.__proto__", "constructor", "gateway.world", "operator.user.ban"),
  anyText,
);
const anyCommand = fc.oneof(
  { weight: 6, arbitrary: damagedCommand },
  { weight: 1, arbitrary: fc.tuple(anyAction, hostileJson) },
);
const anyId = fc.oneof(fc.integer().map(String), hostileJson);

/** A frame: mostly of the right form, now and then of none. */
export const hostileFrame: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(anyCommand, fc.nat()).map(([[action, body], id]) => {
      return `[${JSON.stringify(action)},${id},${body}]`;
    }),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(anyCommand, anyId).map(([[action, body], id]) => {
      return `[${JSON.stringify(action)},${id},${body}]`;
    }),
  },
  { weight: 1, arbitrary: anyCommand.map(([action, body]) => `[${JSON.stringify(action)},${body}]`) },
  {
    weight: 1,
    arbitrary: fc.oneof(hostileJson, fc.constantFrom("", "[", '["user.fetch"', "[1,2,3,4]", "\ufeff[]")),
  },
);
