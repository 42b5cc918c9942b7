/** Envelopes: what one node writes another reads, and what cannot be read is told apart by why. */
import { Packr } from "msgpackr";
import t from "tap";
import {
  BrokenEnvelope,
  type CommandEnvelope,
  decodeCommands,
  decodeReplies,
  decodeUserBroadcast,
  type Effect,
  ENVELOPE_VERSION,
  encodeCommands,
  encodePart,
  encodeReplies,
  encodeUserBroadcast,
  NewerEnvelope,
  type Reply,
  type UserBroadcast,
  versionAllRead,
} from "../envelope.ts";

const packr = new Packr({ useRecords: false, int64AsType: "number" });

const USER = "0e4a3f6c-6d0f-4f0e-9d0e-0123456789ab";

const envelope: CommandEnvelope = {
  gateway: "g1",
  sentAt: 1_790_000_000_000,
  commands: [
    {
      ...{
        n: 1,
        connection: 7,
        world: "w",
        user: null,
        frame: '["authenticate",{}]',
        address: "2001:db8::1",
      },
      loginVersion: null,
    },
    {
      ...{ n: 2 ** 40, connection: 8, world: "w", user: USER, frame: '["ü",1,"🎈"]', address: null },
      loginVersion: 4,
    },
  ],
  reads: ENVELOPE_VERSION,
};

const effects: (Effect | null)[] = [
  null,
  { kind: "login", user: "u", version: 3 },
  { kind: "login_failed" },
  { kind: "changed", version: 2 ** 40 },
  { kind: "close", code: 1011 },
  { kind: "answer", value: { exists: true, list: [1, null, "x"] } },
];

const broadcast: UserBroadcast = {
  world: "w",
  user: "u",
  version: 9,
  frame: '["user.updated",{}]',
  accessChanged: true,
  origin: { gateway: "g1", connection: 7 },
  publishedAt: 1_790_000_000_001,
};

/** What a decoder throws. */
function failureOf(decode: (bytes: Buffer) => unknown, bytes: Buffer): unknown {
  try {
    decode(bytes);
  } catch (error) {
    return error;
  }
  return null;
}

const decoders = { decodeCommands, decodeReplies, decodeUserBroadcast };

t.test("commands come out as they went in", async (t) => {
  t.strictSame(decodeCommands(encodeCommands(envelope)), envelope);
  const empty = { ...envelope, commands: [] };
  t.strictSame(decodeCommands(encodeCommands(empty)), empty);
});

t.test(
  "of a gateway that does not say it, it is not known with which version a connection logged in",
  async (t) => {
    const bytes = packr.pack([ENVELOPE_VERSION, "g1", 1, [[1, 7, "w", USER, "[]", null]]]);
    t.match(decodeCommands(bytes).commands, [{ n: 1, loginVersion: null }]);
  },
);

t.test("replies come out as they went in, with every effect and with shared texts", async (t) => {
  const replies = effects.map(
    (effect, n): Reply => ({ n, frame: n % 2 === 0 ? "[]" : ["[", { shared: "hash" }, "]"], effect }),
  );
  t.strictSame(decodeReplies(encodeReplies(replies, ENVELOPE_VERSION)), replies);
});

t.test("a part of a big answer comes out as it went in, and is checked", async (t) => {
  const part = { run: "r", number: 3, last: false, bytes: Buffer.from("…") };
  const reply: Reply = { n: 1, frame: "", effect: null, part };
  t.same(decodeReplies(encodeReplies([reply], ENVELOPE_VERSION)), [reply]);
  for (const length of [0, 1, 255, 256, 65_535, 65_536, 100_000]) {
    const bytes = Buffer.alloc(length, "x");
    const decoded = decodeReplies(encodePart(1, { ...part, bytes }, ENVELOPE_VERSION));
    t.same(decoded, [{ ...reply, part: { ...part, bytes } }], `of ${length} bytes`);
  }
  for (const wrong of [null, [], ["r", 3, false], [1, 3, false, part.bytes], ["r", 3, 0, part.bytes]]) {
    const bytes = packr.pack([ENVELOPE_VERSION, [[1, "", null, wrong]]]);
    t.type(failureOf(decodeReplies, bytes), BrokenEnvelope, JSON.stringify(wrong));
  }
});

t.test("broadcasts come out as they went in", async (t) => {
  t.strictSame(decodeUserBroadcast(encodeUserBroadcast(broadcast)), broadcast);
  const silent = { ...broadcast, frame: null, origin: null, accessChanged: false };
  t.strictSame(decodeUserBroadcast(encodeUserBroadcast(silent)), silent);
});

t.test("garbage is a broken envelope, whatever it is", async (t) => {
  const garbage = {
    nothing: Buffer.alloc(0),
    text: Buffer.from("garbage"),
    "JSON text": Buffer.from('["x"]'),
    "half of one": encodeCommands(envelope).subarray(0, 20),
    "more than one": Buffer.concat([encodeCommands(envelope), Buffer.from([1])]),
    number: packr.pack(1),
    "no version": packr.pack([]),
    "a version alone": packr.pack([ENVELOPE_VERSION]),
    "a map": packr.pack({ gateway: "g1" }),
    "items that are no items": packr.pack([ENVELOPE_VERSION, "g1", 1, [null, 1, "x"]]),
  };
  for (const [what, bytes] of Object.entries(garbage)) {
    for (const [name, decode] of Object.entries(decoders)) {
      t.type(failureOf(decode, bytes), BrokenEnvelope, `${name}: ${what}`);
    }
  }
});

t.test("an envelope of another kind is a broken one", async (t) => {
  const written = [
    encodeCommands(envelope),
    encodeReplies([], ENVELOPE_VERSION),
    encodeUserBroadcast(broadcast),
  ];
  Object.entries(decoders).forEach(([name, decode], own) => {
    written.forEach((bytes, kind) => {
      if (kind !== own) t.type(failureOf(decode, bytes), BrokenEnvelope, name);
    });
  });
});

t.test("each value of a command, a reply and a broadcast is checked", async (t) => {
  const command = [1, 7, "w", USER, "[]", null, 3];
  const wrongValues = [
    [["1"], -1, 1.5, Number.NaN, 2 ** 60],
    [null, Number.POSITIVE_INFINITY],
    [5, "W", "w\n", "", "x".repeat(51)],
    [5, "u", "w", `${USER}\0`],
    [undefined, null],
    [5],
    ["3", -1, 1.5],
  ];
  for (const [place, wrongs] of wrongValues.entries()) {
    for (const wrong of wrongs) {
      const item = command.map((value, i) => (i === place ? wrong : value));
      const bytes = packr.pack([ENVELOPE_VERSION, "g1", 1, [item]]);
      t.type(failureOf(decodeCommands, bytes), BrokenEnvelope, `command, value ${place}: ${String(wrong)}`);
    }
  }
  for (const [gateway, sentAt] of [
    ["g{1}", 1],
    ["", 1],
    ["g1", Number.NaN],
  ]) {
    const bytes = packr.pack([ENVELOPE_VERSION, gateway, sentAt, [command]]);
    t.type(failureOf(decodeCommands, bytes), BrokenEnvelope, `${gateway}, ${sentAt}`);
  }
  const crowd = packr.pack([ENVELOPE_VERSION, "g1", 1, Array.from({ length: 1_001 }, () => command)]);
  t.type(failureOf(decodeCommands, crowd), BrokenEnvelope, "more commands than anybody writes");
  for (const item of [
    ["1", "[]", null],
    [1, null, null],
    [1, "[]", "close"],
    [1, "[]"],
    [1, [5], null],
    [1, [{ shared: 5 }], null],
    [Number.NaN, "[]", null],
    [1, "[]", { kind: "login", user: 5, version: 1 }],
    [1, "[]", { kind: "changed", version: "2" }],
    [1, "[]", { kind: "close", code: 99_999 }],
  ]) {
    t.type(failureOf(decodeReplies, packr.pack([ENVELOPE_VERSION, [item]])), BrokenEnvelope, String(item));
  }
  const fields = ["w", "u", 9, "[]", true, null, 1];
  for (const [place, wrong] of [5, null, "9", 5, true, "origin", Number.NEGATIVE_INFINITY].entries()) {
    // What is not true says that nothing changed.
    if (place === 4) continue;
    const bytes = packr.pack([ENVELOPE_VERSION, ...fields.map((value, i) => (i === place ? wrong : value))]);
    t.type(failureOf(decodeUserBroadcast, bytes), BrokenEnvelope, `broadcast, value ${place}`);
  }
});

t.test("what names no version that there ever was is broken", async (t) => {
  for (const version of [0, -1, 1.5, Number.NaN, "1", null]) {
    for (const [name, decode] of Object.entries(decoders)) {
      t.type(failureOf(decode, packr.pack([version, "g1", 1, []])), BrokenEnvelope, `${name}: ${version}`);
    }
    const bytes = packr.pack([ENVELOPE_VERSION, "g1", 1, [], version]);
    t.type(failureOf(decodeCommands, bytes), BrokenEnvelope, `replies of version ${version}`);
  }
});

t.test("what cannot be read changes nothing for what can", async (t) => {
  const hostile = [
    // Defines a record, which takes the place of a number in what is read with it.
    Buffer.concat([Buffer.from([0xd4, 0x72, 0x45]), packr.pack(["a"]), packr.pack(1)]),
    // Arrays, maps and texts of four thousand million values.
    ...[0xdd, 0xdf, 0xdb].map((token) => Buffer.from([token, 0xff, 0xff, 0xff, 0xff])),
    Buffer.concat([Buffer.alloc(100_000, 0x91), Buffer.from([1])]),
    packr.pack(JSON.parse('{"__proto__":{"kind":"login"}}')),
  ];
  for (const bytes of hostile) t.type(failureOf(decodeCommands, bytes), BrokenEnvelope);
  t.strictSame(decodeCommands(encodeCommands(envelope)), envelope);
  t.equal(({} as { kind?: string }).kind, undefined);
});

t.test("a newer version is told apart from garbage: another node may read it", async (t) => {
  for (const [name, decode] of Object.entries(decoders)) {
    const bytes = packr.pack([ENVELOPE_VERSION + 1, { another: "shape" }]);
    t.type(failureOf(decode, bytes), NewerEnvelope, name);
    t.match(failureOf(decode, bytes), { message: /version 2, this node reads 1/ }, name);
  }
});

t.test("what is written is of the version that its reader reads", async (t) => {
  const versionOf = (bytes: Buffer) => (packr.unpack(bytes) as unknown[])[0];
  t.equal(versionAllRead([{ reads: ENVELOPE_VERSION }, { reads: ENVELOPE_VERSION + 1 }]), ENVELOPE_VERSION);
  t.equal(versionAllRead([{ reads: 0 }, { reads: ENVELOPE_VERSION }]), 0, "the oldest worker decides");
  t.equal(versionAllRead([{}, { reads: ENVELOPE_VERSION + 1 }]), 1, "one that does not say reads the first");
  t.equal(versionAllRead([]), null);
  t.equal(versionOf(encodeCommands(envelope, 0)), 0);
  t.equal(versionOf(encodeReplies([], 0)), 0);
  t.equal(
    versionOf(encodeReplies([], ENVELOPE_VERSION + 1)),
    ENVELOPE_VERSION,
    "never newer than the writer",
  );
});

t.test("a gateway that does not say what it reads, reads the first version", async (t) => {
  t.equal(decodeCommands(packr.pack([1, "g1", 1, []])).reads, 1);
  t.type(failureOf(decodeCommands, packr.pack([1, "g1", 1, [], "2"])), BrokenEnvelope);
});

t.test("fields that came later, at the end, are in nobody's way", async (t) => {
  const longer = (bytes: Buffer) => packr.pack([...(packr.unpack(bytes) as unknown[]), "more"]);
  t.strictSame(decodeCommands(longer(encodeCommands(envelope))), envelope);
  t.strictSame(decodeReplies(longer(encodeReplies([], ENVELOPE_VERSION))), []);
  t.strictSame(decodeUserBroadcast(longer(encodeUserBroadcast(broadcast))), broadcast);
});
