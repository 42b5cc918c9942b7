/** Too much of everything: pings, refused commands, connections, logins, and what is sent but never read. */
import { randomUUID } from "node:crypto";
import t from "tap";
import { connectClient } from "../../shared/testing/client.ts";
import { waitFor } from "../../shared/testing/wait-for.ts";
import { startStand } from "./hostile-stand.ts";
import { frameBytes, opcodes, openRawWebSocket } from "./raw-socket.ts";
import { openWorld } from "./worlds.ts";

const FLOODERS = 5;
const DEADLINE_MS = 60_000;

/** More than anybody may send at once, a block at a time. */
const block = (frame: Buffer) => Buffer.concat(Array.from({ length: 1_000 }, () => frame));
const manyKeys = Array.from({ length: 5_000 }, (_, i) => `"k${i}":0`).join();

const floods: Record<string, Buffer> = {
  pings: block(frameBytes(opcodes.text, '["ping",1]')),
  "WebSocket pings": block(frameBytes(opcodes.ping, "x".repeat(125))),
  "WebSocket pongs": block(frameBytes(opcodes.pong, "")),
  "commands before a login": block(frameBytes(opcodes.text, '["user.fetch",1,{}]')),
  "pings that take long to read": frameBytes(opcodes.text, `["ping",{${manyKeys}}]`),
  "commands that take long to read": frameBytes(opcodes.text, `["user.fetch",1,{${manyKeys}}]`),
};

t.test("floods", async (t) => {
  const stand = await startStand(t, {
    worlds: [openWorld],
    // Who floods without a login would be closed with the same code once the time for that is over.
    environment: { FOYER_MAX_SEND_BUFFER_BYTES: "200000", FOYER_AUTH_TIMEOUT_MS: "0" },
  });
  const gateway = stand.gateways[0]!;
  const metric = async (name: string) => {
    const text = await (await fetch(`${gateway.ops}/metrics`)).text();
    return Number(new RegExp(`^foyer_gateway_${name} (\\d+)$`, "m").exec(text)?.[1] ?? 0);
  };

  for (const [what, bytes] of Object.entries(floods)) {
    t.test(`${what} without end: the connection is closed with 1008`, async (t) => {
      const ends = Array.from({ length: FLOODERS }, async () => {
        const raw = await openRawWebSocket(gateway.http);
        t.teardown(() => raw.end());
        const send = () => {
          while (!raw.socket.destroyed && raw.socket.write(bytes));
        };
        raw.socket.on("drain", send);
        send();
        await waitFor("the flood to be cut off", () => raw.socket.destroyed, DEADLINE_MS);
        return await raw.closed();
      });
      for (const end of await Promise.all(ends)) t.match(end.slice(-10), "\x03\xf0policy");
    });
  }

  t.test("ten pings a millisecond are answered", async (t) => {
    const client = await connectClient(gateway.world("w"));
    for (let i = 0; i < 5_000; i++) client.send(["ping", i]);
    for (let i = 0; i < 5_000; i++) {
      const [, payload] = await client.next();
      if (payload !== i) t.fail(`${payload} instead of ${i}`);
    }
    client.end();
  });

  t.test("who pings at WebSocket level and never reads is closed all the same", async (t) => {
    const closed = 'connections_closed_total{reason="policy"}';
    const before = await metric(closed);
    const raw = await openRawWebSocket(gateway.http);
    t.teardown(() => raw.end());
    raw.socket.pause();
    const send = () => {
      while (raw.socket.writable && raw.socket.write(floods["WebSocket pings"]!));
    };
    raw.socket.on("drain", send);
    send();
    await waitFor("it to be counted", async () => (await metric(closed)) > before);
    t.pass();
  });

  t.test("frames that cannot be read: the 10th closes, and what follows is not kept", async (t) => {
    const raw = await openRawWebSocket(gateway.http);
    // The login takes a while; until then all that cannot be read waits behind it.
    const login = frameBytes(opcodes.text, `["authenticate",{"client_id":"${randomUUID()}"}]`);
    const invalid = Array.from({ length: 10 }, () => frameBytes(opcodes.text, "x"));
    // It would be answered at once, if anything were still read; in one piece, so that it gets there with the login.
    raw.socket.write(Buffer.concat([login, ...invalid, frameBytes(opcodes.text, '["ping","unheard"]')]));
    raw.socket.write(Buffer.concat(Array.from({ length: 5_000 }, () => invalid[0]!)));
    const all = await raw.closed();
    t.equal(all.match(/protocol\.invalid_message/g)?.length, 10);
    t.notMatch(all, "unheard");
    t.match(all.slice(-16), "\x03\xebunacceptable");
  });

  t.test("large commands may not wait in any number", async (t) => {
    const client = await connectClient(gateway.world("w"));
    // The others wait while the login is under way.
    client.send(["authenticate", { client_id: randomUUID() }]);
    const filler = "x".repeat(60_000);
    for (let i = 0; i < 30; i++) client.send(["user.fetch", i, { ids: [], filler }]);
    const answers = [];
    for (let i = 0; i < 31; i++) answers.push(await client.next());
    const refused = answers.filter(([, , body]) => body?.code === "protocol.rate_limited");
    t.ok(refused.length > 0 && refused.length < 20, `${refused.length} of 30 refused`);
    client.end();
  });

  t.test("connections that come and go", async (t) => {
    for (let round = 0; round < 10; round++) {
      const raws = await Promise.all(Array.from({ length: 50 }, () => openRawWebSocket(gateway.http)));
      raws.forEach(({ socket }, i) => {
        if (i % 2 === 0) socket.resetAndDestroy();
        else socket.end();
      });
    }
    await waitFor("all to be gone", async () => (await metric('connections{state="authenticating"}')) === 0);
    t.pass();
  });

  t.test("all come back and log in at once", async (t) => {
    const names = Array.from({ length: 150 }, () => randomUUID());
    for (let round = 0; round < 2; round++) {
      const clients = await Promise.all(
        names.map(async (client_id, i) => {
          const client = await connectClient(stand.gateways[i % 2]!.world("w"));
          await client.logIn({ client_id });
          return client;
        }),
      );
      t.equal(clients.length, names.length);
      for (const client of clients) client.end();
    }
  });

  t.test("meanwhile nobody else was harmed, and the log is clean", (t) => stand.check(t));
});
