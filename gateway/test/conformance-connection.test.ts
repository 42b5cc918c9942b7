/** Protocol, section 1: connections, frames and what a client gets when something is wrong. */
import t from "tap";
import { connectClient, UpgradeRefused } from "../../shared/testing/client.ts";
import { answerTo, mainWorld, startConformance } from "./conformance.ts";

t.test("protocol 1, over two gateways and two workers", async (t) => {
  const { gateways, connect, guest, person } = await startConformance(t, [mainWorld]);
  const status = (path: string) =>
    connectClient(gateways[0]!.http.replace("http", "ws") + path).then(
      () => 101,
      (error: unknown) => (error instanceof UpgradeRefused ? error.status : error),
    );

  t.test("the endpoint is /ws/world/<world_id>, a slash at the end or a query change nothing", async (t) => {
    for (const tail of ["", "/", "?x=1", "/?x=1"]) {
      const client = await connectClient(`${gateways[0]!.world("main")}${tail}`);
      t.ok(await client.logIn({ client_id: "endpoint" }), tail);
      client.end();
    }
  });

  t.test("world.unknown_world, closed with 1008: every other path under /ws/", async (t) => {
    const paths = ["", "world", "world/", "world/none", "world/Main", "world/main/x", "world/main//"];
    for (const path of [...paths, `world/${"a".repeat(50)}`, `world/${"a".repeat(51)}`, "world/m%61in"]) {
      const client = await connectClient(`${gateways[1]!.world("").replace("world/", "")}${path}`);
      t.strictSame(await client.next(), ["error", { code: "world.unknown_world" }], path);
      t.equal((await client.closed()).code, 1008, path);
      t.strictSame(client.heard, [], path);
    }
  });

  t.test("a path outside /ws/ that is no HTTP route gets 404, upgrade or not", async (t) => {
    for (const path of ["/", "/ws", "/wsx/world/main", "/world/main", "/healthz/x"]) {
      t.equal(await status(path), 404, path);
      t.equal((await fetch(gateways[0]!.http + path)).status, 404, path);
    }
  });

  // The text of a frame, and the id that its answer carries; null: it carries none.
  const invalid: [frame: string, id: string | number | null][] = [
    ["", null],
    ["nonsense", null],
    ["[", null],
    ["{}", null],
    ["null", null],
    ['"ping"', null],
    ["5", null],
    ["[]", null],
    ['["ping"]', null],
    ['["user.fetch"]', null],
    ['["authenticate"]', null],
    ["[1,{}]", null],
    ["[null,{}]", null],
    ['[["ping"],{}]', null],
    ['[1,"kept",{}]', "kept"],
    ['["user.fetch",1,{},2]', null],
    ['["user.fetch",null,{}]', null],
    ['["user.fetch",true,{}]', null],
    ['["user.fetch",{"id":1},{}]', null],
    ['["user.fetch",[1],{}]', null],
    ['["user.fetch",1e400,{}]', null],
    [`["user.fetch","${"x".repeat(65)}",{}]`, null],
    [`["user.fetch",1,${"[".repeat(5000)}`, null],
  ];
  for (const when of ["before", "after"]) {
    t.test(`protocol.invalid_message ${when} the login; the connection stays open`, async (t) => {
      let client = await connect();
      for (const [i, [frame, id]] of invalid.entries()) {
        if (i % 9 === 0) client = when === "before" ? await connect() : await guest();
        const error = { code: "protocol.invalid_message" };
        t.strictSame(
          await answerTo(client, frame),
          id === null ? ["error", error] : ["error", id, error],
          frame,
        );
      }
      t.strictSame(await answerTo(client, ["ping", 1]), ["pong", 1]);
    });
  }

  t.test("protocol.invalid_message: the 10th closes with 1003, whatever stands between", async (t) => {
    const client = await connect();
    for (let i = 0; i < 9; i++) {
      t.strictSame(await answerTo(client, "{}"), ["error", { code: "protocol.invalid_message" }]);
      t.strictSame(await answerTo(client, ["ping", i]), ["pong", i]);
    }
    await client.logIn({ client_id: "clumsy" });
    for (const frame of ["{}", "{}", '["user.fetch",1,{"ids":[]}]']) client.send(frame);
    t.strictSame(await client.next(), ["error", { code: "protocol.invalid_message" }]);
    t.equal((await client.closed()).code, 1003);
    t.strictSame(client.heard, [], "nothing after it is answered");
  });

  const ids = [
    ["0", "-0", "1", "1.0", "-17", "1.5", "1e3", "9007199254740991"],
    ["9007199254740993", "-123456789012345678901234567890"],
    [
      '""',
      '"x"',
      '"0"',
      '"\\u0000"',
      '"\\ud800"',
      '"é\\"\\\\"',
      `"${"x".repeat(64)}"`,
      `"${"🎪".repeat(64)}"`,
    ],
  ].flat();
  t.test("an id is echoed by value: numbers and strings of at most 64 characters", async (t) => {
    const [client, stranger] = [await guest(), await connect()];
    const raw = (from: typeof stranger, frame: string) =>
      new Promise<string>((resolve) => {
        from.socket.once("message", (data) => resolve(String(data)));
        from.send(frame);
      });
    const normal = (id: string) => (/^-?\d{16,}$/.test(id) ? id : JSON.stringify(JSON.parse(id)));
    for (const id of ids) {
      t.equal(await raw(client, `["user.fetch",${id},{"ids":[]}]`), `["success",${normal(id)},{}]`);
      t.match(await raw(client, `["user.nothing",${id},{}]`), `["error",${normal(id)},{"code":`);
      t.match(await raw(client, `["user.ban",${id},{"id":"x"}]`), `["error",${normal(id)},{"code":`);
      t.match(await raw(stranger, `["user.fetch",${id},{}]`), `["error",${normal(id)},{"code":`);
    }
  });

  t.test("a request of two elements is answered without an id", async (t) => {
    const client = await guest();
    t.strictSame(await answerTo(client, ["user.fetch", { ids: [] }]), ["success", {}]);
    t.strictSame(await answerTo(client, ["user.update", {}]), ["success", {}]);
    t.strictSame(await answerTo(client, ["user.fetch", { id: "x" }]), ["error", { code: "user.not_found" }]);
    t.strictSame(await answerTo(client, ["x.y", {}]), ["error", { code: "protocol.unknown_command" }]);
  });

  t.test("ping is answered with its payload by value, at any time", async (t) => {
    const payloads = [
      "null",
      '""',
      "0",
      "[]",
      '{"a":[1,{"b":null}]}',
      '"],["',
      "12345678901234567890",
      "1e400",
    ];
    const [stranger, client] = [await connect(), await guest()];
    for (const payload of payloads) {
      for (const from of [stranger, client]) {
        const answer = new Promise((resolve) => from.socket.once("message", (data) => resolve(String(data))));
        from.send(` [ "ping" , ${payload} ] `);
        t.equal(await answer, `["pong",${payload}]`);
      }
    }
  });

  t.test("protocol.unauthenticated: before the login everything but ping and authenticate", async (t) => {
    const client = await connect();
    const error = { code: "protocol.unauthenticated" };
    for (const action of ["user.update", "user.fetch", "user.foobar", "foo.bar", "foo", "", "pong", "Ping"]) {
      t.strictSame(await answerTo(client, [action, 7, {}]), ["error", 7, error], action);
      t.strictSame(await answerTo(client, [action, {}]), ["error", error], action);
    }
  });

  t.test("protocol.unknown_command: an unknown namespace, or a second authenticate", async (t) => {
    const client = await guest();
    const error = { code: "protocol.unknown_command" };
    for (const action of [
      "foo.bar",
      "foo",
      "",
      ".",
      "USER.fetch",
      " user.fetch",
      "authenticate",
      "gateway.world",
    ]) {
      t.strictSame(
        await answerTo(client, [action, "i", { client_id: "other" }]),
        ["error", "i", error],
        action,
      );
    }
    const { body } = await client.ask("user.fetch", { id: client.id });
    t.equal(body.id, client.id, "still who it was");
    const twice = await connect();
    twice.send(["authenticate", { client_id: "twice" }]);
    twice.send(["authenticate", 2, { client_id: "thrice" }]);
    t.equal((await twice.next())[0], "authenticated");
    t.strictSame(await twice.next(), ["error", 2, error], "also when sent before the first was answered");
  });

  t.test("user.unsupported_command: an unknown action in a known namespace", async (t) => {
    const client = await guest();
    const error = { code: "user.unsupported_command" };
    for (const action of [
      "user.foobar",
      "user.",
      "user.Fetch",
      "user.fetch.x",
      "user.list.",
      "user.__proto__",
    ]) {
      t.strictSame(await answerTo(client, [action, 1, {}]), ["error", 1, error], action);
    }
  });

  const wrong: [action: string, payload: unknown, path: string, expected: string][] = [
    ["user.update", null, "", "object"],
    ["user.update", [], "", "object"],
    ["user.update", "x", "", "object"],
    ["user.update", 5, "", "object"],
    ["user.update", { profile: [] }, "/profile", "object"],
    ["user.update", { profile: "x" }, "/profile", "object"],
    ["user.update", { client_state: 5 }, "/client_state", "object"],
    [
      "user.update",
      { profile: { a: { b: "\u0000" } } },
      "/profile/a/b",
      "text without NUL and lone surrogates",
    ],
    [
      "user.update",
      { profile: { "a/b~": "\ud800" } },
      "/profile/a~1b~0",
      "text without NUL and lone surrogates",
    ],
    ["user.fetch", {}, "", "one of id, ids, pretalx_ids"],
    ["user.fetch", { id: null, ids: null }, "", "one of id, ids, pretalx_ids"],
    ["user.fetch", { id: 5 }, "/id", "string"],
    ["user.fetch", { id: {} }, "/id", "string"],
    ["user.fetch", { ids: "x" }, "/ids", "array"],
    ["user.fetch", { ids: ["x", 1] }, "/ids/1", "string"],
    ["user.fetch", { pretalx_ids: [null] }, "/pretalx_ids/0", "string"],
    ["user.list", { type: "robot" }, "/type", "one of person, kiosk, anon"],
    ["user.list", { limit: 0 }, "/limit", ">= 1"],
    ["user.list", { limit: 1001 }, "/limit", "<= 1000"],
    ["user.list", { limit: 1.5 }, "/limit", "integer"],
    ["user.list", { limit: "5" }, "/limit", "integer"],
    ["user.list", { limit: 5, after: 5 }, "/after", "string"],
    ["user.list", { limit: 5, after: "none" }, "/after", "the next of a page before"],
    ["user.list", { include_banned: "no" }, "/include_banned", "boolean"],
    ["user.list.search", { page: 1 }, "/search_term", "string"],
    ["user.list.search", { search_term: null, page: 1 }, "/search_term", "string"],
    ["user.list.search", { search_term: "" }, "/page", "a value"],
    ["user.list.search", { search_term: "", page: 1, badge: 5 }, "/badge", "string"],
    ["user.list.blocked", null, "", "object"],
    ["user.online_status", {}, "/ids", "array"],
    ["user.online_status", { ids: null }, "/ids", "array"],
    ["user.online_status", { ids: [5] }, "/ids/0", "string"],
    ["user.ban", {}, "/id", "string"],
    ["user.ban", { id: 5 }, "/id", "string"],
    ["user.silence", { id: null }, "/id", "string"],
    ["user.reactivate", { id: [] }, "/id", "string"],
    ["user.delete", { id: {} }, "/id", "string"],
    ["user.block", {}, "/id", "string"],
    ["user.unblock", { id: 1 }, "/id", "string"],
    ["user.admin.update", { profile: {} }, "/id", "string"],
    ["user.admin.update", { id: "x", pretalx_id: 5 }, "/pretalx_id", "string"],
    ["user.kiosk.create", { profile: 5 }, "/profile", "object"],
    ["user.kiosk.create", { id: "x" }, "/id", "a UUID"],
    ["user.kiosk.fetch", {}, "/id", "string"],
    ["user.social.connect", {}, "/network", "string"],
    ["user.social.connect", { network: "twitter", return_url: 5 }, "/return_url", "string"],
  ];
  t.test("user.invalid_body: details name the path and what was expected", async (t) => {
    const client = await person(["admin"]);
    for (const [action, payload, path, expected] of wrong) {
      const error = { code: "user.invalid_body", details: { path, expected } };
      const about = `${action} ${JSON.stringify(payload)}`;
      t.strictSame(await answerTo(client, [action, 1, payload]), ["error", 1, error], about);
    }
  });

  t.test('auth.denied, "Permission denied.": a permission is missing, whatever the payload', async (t) => {
    const client = await guest();
    const denied = { code: "auth.denied", message: "Permission denied." };
    const id = client.id;
    for (const action of ["list", "ban", "silence", "reactivate", "delete", "admin.update", "kiosk.fetch"]) {
      for (const payload of [{ id }, { id: "x" }, { id: 5, type: 5 }, {}, null]) {
        const frame = await answerTo(client, [`user.${action}`, 1, payload]);
        t.strictSame(frame, ["error", 1, denied], `${action} ${JSON.stringify(payload)}`);
      }
    }
    t.strictSame(await answerTo(client, ["user.kiosk.create", 1, { id: "x" }]), ["error", 1, denied]);
    const big = { id, profile: { text: "x".repeat(40_000) } };
    t.strictSame(await answerTo(client, ["user.admin.update", 1, big]), ["error", 1, denied]);
  });

  t.test("optional keys that are null count as absent, unknown keys are ignored", async (t) => {
    const client = await person(["admin"]);
    const ask = async (action: string, payload: object) => {
      const { ok, body } = await client.ask(action, { ...payload, unknown: [1], constructor: null });
      t.ok(ok, `${action} ${JSON.stringify(body)}`);
      return body;
    };
    await ask("user.update", { profile: { n: 1 }, client_state: { n: 1 } });
    await ask("user.update", { profile: null, client_state: null });
    t.strictSame((await ask("user.fetch", { id: client.id, ids: null, pretalx_ids: null })).profile, {
      n: 1,
    });
    t.strictSame(Object.keys(await ask("user.fetch", { id: null, ids: [client.id] })), [client.id]);
    t.ok((await ask("user.list", { type: null, include_banned: null, limit: null, after: null }))[client.id]);
    t.ok((await ask("user.list", { limit: 5, after: null })).users);
    await ask("user.list.search", { search_term: "", badge: null, page: 1, include_banned: null });
    const { user } = await ask("user.kiosk.create", { profile: null, id: null });
    await ask("user.admin.update", { id: user, profile: null, pretalx_id: null, client_state: null });
  });

  t.test("a binary frame closes with 1003, before and after the login", async (t) => {
    for (const client of [await connect(), await guest()]) {
      client.send(Buffer.from('["ping",1]'));
      t.equal((await client.closed()).code, 1003);
      t.strictSame(client.heard, []);
    }
  });

  t.test("a message over 64 KiB closes with 1009, in one frame or several; 64 KiB do not", async (t) => {
    const frame = (bytes: number) => `["ping","${"é".repeat((bytes - 11) / 2)}"]`;
    const sendIn = (
      client: { socket: { send(data: string | Buffer, options: object): void } },
      text: string,
    ) => {
      const bytes = Buffer.from(text);
      const cuts = [0, 1, 30_000, 30_001, bytes.length];
      for (let i = 1; i < cuts.length; i++) {
        const options = { fin: i === cuts.length - 1, binary: false };
        client.socket.send(bytes.subarray(cuts[i - 1], cuts[i]), options);
      }
    };
    for (const send of [
      (client: Awaited<ReturnType<typeof guest>>, text: string) => client.send(text),
      sendIn,
    ]) {
      const client = await guest();
      send(client, frame(65_535));
      t.equal((await client.next())[0], "pong");
      send(client, `${frame(65_535)} `);
      t.equal((await client.next())[0], "pong", "exactly 64 KiB");
      send(client, `${frame(65_535)}  `);
      t.equal((await client.closed()).code, 1009);
    }
  });

  t.test("commands are answered in the order in which they were sent, refusals among them", async (t) => {
    const client = await connect();
    const frames: [frame: string, answer: RegExp][] = [
      ['["user.fetch",0,{}]', /^\["error",0,.*unauthenticated/],
      ['["authenticate",1,{}]', /^\["error",1,.*missing_id/],
      ['["authenticate",{"client_id":"order"}]', /^\["authenticated"/],
      ["oops", /^\["error",.*invalid_message/],
    ];
    for (let i = 0; i < 20; i++) {
      frames.push([
        `["user.update",${i},{"profile":{"n":${i}}}]`,
        new RegExp(`^\\["success",${i},\\{\\}\\]$`),
      ]);
      frames.push([
        `["user.update","b${i}",{"profile":[]}]`,
        new RegExp(`^\\["error","b${i}".*invalid_body`),
      ]);
      frames.push([`["no.such","n${i}",0]`, new RegExp(`^\\["error","n${i}".*unknown_command`)]);
    }
    for (const [frame] of frames) client.send(frame);
    for (const [frame, answer] of frames) t.match(JSON.stringify(await client.next()), answer, frame);
  });

  t.test("a command that is sent again is answered alike, and changes nothing more", async (t) => {
    const [client, other] = [await person(["admin"]), await guest()];
    const kiosk = { id: "7b0e7f0a-0000-4000-8000-000000000001", profile: { display_name: "Twice" } };
    for (const [action, payload] of [
      ["user.update", { profile: { a: 1 } }],
      ["user.block", { id: other.id }],
      ["user.unblock", { id: other.id }],
      ["user.kiosk.create", kiosk],
      ["user.admin.update", { id: other.id, pretalx_id: "AGAIN" }],
      ["user.silence", { id: other.id }],
      ["user.ban", { id: other.id }],
      ["user.silence", { id: other.id }],
      ["user.reactivate", { id: other.id }],
    ] as const) {
      const first = await client.ask(action, payload);
      t.ok(first.ok, action);
      t.strictSame(await client.ask(action, payload), first, action);
    }
  });
});
