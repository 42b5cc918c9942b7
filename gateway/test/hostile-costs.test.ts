/** What is cheap to send and dear to work on: giant tokens, thousands of traits, search terms that match all or nearly. */
import { createHmac, randomUUID } from "node:crypto";
import jwt from "jsonwebtoken";
import postgres from "postgres";
import t from "tap";
import { connectClient } from "../../shared/testing/client.ts";
import { startStand } from "./hostile-stand.ts";
import { openWorld, SECRET } from "./worlds.ts";

/** `FOYER_MAX_MESSAGE_BYTES`: so that ten thousand traits fit. */
const MAX_BYTES = 128 * 1024;
/** A frame with as long a token fits just so. */
const LONGEST = MAX_BYTES - 100;
const PEOPLE = 1_000;
const SEARCHERS = 4;
const ATTACKERS = 4;

const claims = { iss: "tickets", aud: "conf", exp: Math.floor(Date.now() / 1000) + 600, uid: "giant" };
const encode = (value: string | object) =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const sign = (head: string, payload: string) =>
  `${head}.${payload}.${createHmac("sha256", SECRET).update(`${head}.${payload}`).digest("base64url")}`;
const filler = "x".repeat((LONGEST * 3) / 4 - 500);
const head = encode({ alg: "HS256" });

/** As long as may be; the world's secret signs some, as a key that leaked would. */
const giants: Record<string, string> = {
  "no token at all": "x".repeat(LONGEST),
  "dots alone": ".".repeat(LONGEST),
  "a giant header": `${encode({ alg: "HS256", filler })}.${encode(claims)}.x`,
  "a giant payload with a wrong signature": `${head}.${encode({ ...claims, filler })}.x`,
  "a giant signature": `${head}.${encode(claims)}.${"x".repeat(LONGEST - 500)}`,
  "brackets without end, signed": sign(head, encode("[".repeat(filler.length))),
  "many keys, signed": sign(head, encode(`{${Array.from({ length: 9_000 }, (_, i) => `"${i}":0`).join()}}`)),
  "a giant uid, signed": sign(head, encode({ ...claims, uid: filler })),
};

/** Matching everybody, nobody, or nearly somebody all over. */
const terms = [
  "",
  "a",
  "person",
  "%".repeat(10_000),
  "_".repeat(10_000),
  "\\".repeat(10_000),
  "person a".repeat(3_000),
  "İ".repeat(10_000),
  "ß".repeat(10_000),
  "(a+)+$",
  "😀".repeat(5_000),
];

t.test("costs", async (t) => {
  const stand = await startStand(t, {
    worlds: [openWorld],
    environment: {
      FOYER_MAX_MESSAGE_BYTES: String(MAX_BYTES),
      FOYER_MAX_FAILED_LOGINS_PER_IP: "0",
      FOYER_RATE: "0",
    },
  });
  const url = (i: number) => stand.gateways[i % stand.gateways.length]!.world("w");
  const sql = postgres(stand.databaseUrl, { max: 1 });
  t.teardown(() => sql.end());
  await sql`insert into users (world_id, client_id, profile, last_login_at)
    select 'w', 'p' || n, jsonb_build_object('display_name', repeat('Person a', 8) || n), now()
    from generate_series(1, ${PEOPLE}) n`;

  t.test("a token of a megabyte is cut before anybody looks at it", async (t) => {
    const client = await connectClient(url(0));
    client.send(["authenticate", 1, { token: "x".repeat(1024 * 1024) }]);
    // Over twice the limit the link may just be cut.
    t.ok([1006, 1009].includes((await client.closed()).code));
  });

  t.test("tokens as long as may be are refused as others are, also many at once", async (t) => {
    await Promise.all(
      Array.from({ length: ATTACKERS }, async (_, i) => {
        for (const [what, token] of Object.entries(giants)) {
          const client = await connectClient(url(i));
          client.send(["authenticate", 1, { token }]);
          t.match(await client.next(), ["error", 1, { code: "auth.invalid_token" }], what);
          client.end();
        }
      }),
    );
  });

  t.test("ten thousand traits in a token: whoever has them is let in, and seen by others", async (t) => {
    const traits = Array.from({ length: 10_000 }, (_, i) => `t${i}`);
    const clients = await Promise.all(
      Array.from({ length: ATTACKERS }, async (_, i) => {
        const client = await connectClient(url(i));
        // Each time other ones: they are compared, stored, and badges and permissions worked out anew.
        const changed = [...traits.slice(i * 100), "speaker"];
        await client.logIn({ token: jwt.sign({ ...claims, uid: `rich-${i % 2}`, traits: changed }, SECRET) });
        return client;
      }),
    );
    const reader = clients[0]!;
    const { body } = await reader.ask("user.list.search", { search_term: "", badge: "Speaker", page: 1 });
    t.strictSame(body, { results: [], isLastPage: true }, "who has no name is not found");
    for (const client of clients) client.end();
  });

  t.test("searches for what is dear to look for are answered, each of them", async (t) => {
    const codes = new Set<string>();
    await Promise.all(
      Array.from({ length: SEARCHERS }, async (_, i) => {
        const client = await connectClient(url(i));
        await client.logIn({ client_id: randomUUID() });
        for (const [n, search_term] of terms.entries()) {
          client.send(["user.list.search", n, { search_term, page: n % 3 === 0 ? 1 : 100 }]);
        }
        for (const n of terms.keys()) {
          const [outcome, id, body] = await client.next();
          if (id !== n) t.fail(`${id} instead of ${n}`);
          codes.add(outcome === "success" ? "success" : body.code);
        }
        client.end();
      }),
    );
    codes.delete("user.invalid_body");
    t.strictSame([...codes], ["success"]);
  });

  t.test("meanwhile nobody else was harmed, and the log is clean", (t) => stand.check(t));
});
