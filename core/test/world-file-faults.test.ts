/** World files that are refused: each fault with its path, and nothing of the file imported. */
import { generateKeyPairSync } from "node:crypto";
import t from "tap";
import { createLog } from "../../shared/log.ts";
import { createTestStores } from "../../shared/testing/stores.ts";
import { connectDatabase } from "../sql/database.ts";
import { exportWorld, importWorld, listWorlds, WorldFileError } from "../world-file.ts";
import type { Fault } from "../world-file-schema.ts";

const smallFile = { world: { id: "small", title: "Small" }, rooms: [{ id: "lobby", name: "Lobby" }] };

t.test("a broken file", async (t) => {
  const { databaseUrl } = await createTestStores(t);
  const sql = connectDatabase(databaseUrl, { max: 2, log: createLog("silent") });
  t.teardown(() => sql.end());
  await importWorld(sql, null, smallFile);
  const before = await exportWorld(sql, "small");

  /** The faults for which a file is refused; none when it was imported. */
  const faultsOf = async (file: unknown): Promise<Fault[]> => {
    try {
      await importWorld(sql, null, file);
    } catch (error) {
      if (error instanceof WorldFileError) return error.faults;
      throw error;
    }
    return [];
  };
  /** The small file with one thing different. */
  const withWorld = (values: object) => ({ ...smallFile, world: { ...smallFile.world, ...values } });
  const withRoom = (values: object) => ({
    ...smallFile,
    rooms: [
      { id: "a", name: "A" },
      { id: "b", name: "B", ...values },
    ],
  });
  const withKey = (values: object) =>
    withWorld({ JWT_secrets: [{ issuer: "i", audience: "a", secret: "s", ...values }] });
  const pem = (type: "rsa" | "ed25519") => {
    const { publicKey } =
      type === "rsa" ? generateKeyPairSync("rsa", { modulusLength: 2048 }) : generateKeyPairSync("ed25519");
    return publicKey.export({ type: "spki", format: "pem" });
  };

  const faults: [what: string, file: unknown, path: string, expected: RegExp][] = [
    ["no object", [], "$", /object/],
    ["no world", { rooms: [] }, "$", /world/],
    ["a fault in a config block", withWorld({ config: { domain: 7 } }), "$.world.config.domain", /string/],
    ["a fault beside one", withWorld({ domain: 7, config: { domain: "x" } }), "$.world.domain", /string/],
    ["a world that is none", { world: "small" }, "$.world", /object/],
    ["no id", { world: { title: "x" } }, "$.world", /id/],
    ["a bad id", withWorld({ id: "Small World" }), "$.world.id", /a-z0-9-/],
    ["a title that is no text", withWorld({ title: 5 }), "$.world.title", /string/],
    ["a negative limit", withWorld({ connection_limit: -1 }), "$.world.connection_limit", />= 0/],
    ["roles that are none", { ...smallFile, roles: { attendee: "world:view" } }, "$.roles.attendee", /array/],
    ["a requirement that is none", { ...smallFile, trait_grants: { a: [5] } }, "$.trait_grants.a[0]", /./],
    ["rooms that are none", { ...smallFile, rooms: {} }, "$.rooms", /array/],
    ["a room without a name", { ...smallFile, rooms: [{ id: "x" }] }, "$.rooms[0]", /name/],
    ["a room's name that is no text", withRoom({ name: 3 }), "$.rooms[1].name", /string/],
    ["two rooms with one id", withRoom({ id: "a" }), "$.rooms[1].id", /"a" is taken/],
    ["a room without an id", withRoom({ id: "" }), "$.rooms[1].id", /1 character/],
    ["a module without a type", withRoom({ modules: [{}] }), "$.rooms[1].modules[0]", /type/],
    ["a flag that is none", withRoom({ force_join: "yes" }), "$.rooms[1].force_join", /boolean/],
    ["a schedule that is none", withRoom({ schedule_data: "x" }), "$.rooms[1].schedule_data", /object/],
    [
      "a return origin with a path",
      withWorld({ return_origins: ["https://a.example/x"] }),
      "$.world.return_origins[0]",
      /origin/,
    ],
    ["a key without an issuer", withKey({ issuer: null }), "$.world.JWT_secrets[0]", /issuer/],
    ["a key without a secret", withKey({ secret: "" }), "$.world.JWT_secrets[0]", /secret, as HS256/],
    ["an unknown algorithm", withKey({ algorithm: "none" }), "$.world.JWT_secrets[0]", /HS256/],
    ["an algorithm that no key has", withKey({ algorithm: "toString" }), "$.world.JWT_secrets[0]", /HS256/],
    [
      "a public key that is none",
      withKey({ algorithm: "RS256", public_key: "x" }),
      "$.world.JWT_secrets[0]",
      /PEM/,
    ],
    [
      "a public key's algorithm with a secret alone",
      withKey({ algorithm: "ES256" }),
      "$.world.JWT_secrets[0]",
      /PEM/,
    ],
    [
      "an RSA key for EdDSA",
      withKey({ algorithm: "EdDSA", public_key: pem("rsa") }),
      "$.world.JWT_secrets[0]",
      /type ed25519/,
    ],
    [
      "an Ed25519 key for RS256",
      withKey({ algorithm: "RS256", public_key: pem("ed25519") }),
      "$.world.JWT_secrets[0]",
      /type rsa/,
    ],
    ["NUL in a text", withRoom({ description: "a\u0000b" }), "$", /NUL/],
    ["NUL in a key", withWorld({ "a\u0000b": 1 }), "$", /NUL/],
    ["half a surrogate pair", withWorld({ of_ours: { x: "\ud800" } }), "$", /surrogates/],
  ];
  for (const [what, file, path, expected] of faults) {
    t.test(`with ${what} is refused by its path`, async (t) => {
      const found = await faultsOf(file);
      const fault = found.find((each) => each.path === path && expected.test(each.expected));
      t.ok(fault, JSON.stringify(found));
    });
  }

  t.test("is refused for all of its faults at once", async (t) => {
    const found = await faultsOf({
      world: { id: "small", title: 1 },
      rooms: [
        { id: "x", name: 2 },
        { id: 3, name: "y" },
      ],
    });
    t.same(found.map((fault) => fault.path).sort(), ["$.rooms[0].name", "$.rooms[1].id", "$.world.title"]);
  });

  t.test("changes nothing", async (t) => {
    t.strictSame(await exportWorld(sql, "small"), before);
    t.equal((await listWorlds(sql)).length, 1);
  });
});
