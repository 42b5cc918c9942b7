/** What no library would send: broken WebSocket frames, broken HTTP, headers that lie, upgrades that never end. */
import t from "tap";
import { connectClient } from "../../shared/testing/client.ts";
import { MARK, startStand } from "./hostile-stand.ts";
import { frameBytes, opcodes, openRaw, openRawWebSocket, upgradeRequest } from "./raw-socket.ts";
import { openWorld } from "./worlds.ts";

const { continuation, text, binary, close, ping } = opcodes;
const hello = '["ping",1]';
const pong = '["pong",1]';
const code = (value: number, reason: Buffer = Buffer.alloc(0)) =>
  Buffer.concat([Buffer.from([value >> 8, value & 255]), reason]);

/** Frames after which the connection is cut, without a word. */
const cut: Record<string, Buffer[]> = {
  "the bit of compression, which nobody agreed on": [frameBytes(text, hello, { reserved: 4 })],
  "another reserved bit": [frameBytes(text, hello, { reserved: 2 })],
  "a reserved bit on a continuation": [
    frameBytes(text, '["ping"', { fin: false }),
    frameBytes(continuation, ",1]", { reserved: 4 }),
  ],
  "a reserved opcode": [frameBytes(3, "x")],
  "a reserved control opcode": [frameBytes(11, "x")],
  "a control frame in fragments": [frameBytes(ping, "x", { fin: false })],
  "a control frame of 126 bytes": [frameBytes(ping, "x".repeat(126))],
  "a close reason of 126 bytes": [frameBytes(close, code(1000, Buffer.alloc(124, "x")))],
  "a length of 2^63": [frameBytes(text, "x", { length: 2n ** 63n })],
  "a length of 2^64 - 1": [frameBytes(text, "x", { length: 2n ** 64n - 1n })],
  "a continuation of nothing": [frameBytes(continuation, hello)],
  "a message within another": [frameBytes(text, '["pi', { fin: false }), frameBytes(text, hello)],
  "bytes that are no UTF-8": [frameBytes(text, Buffer.from([0x5b, 0xff, 0x5d]))],
  "half a character, then another fragment's letter": [
    frameBytes(text, Buffer.from('["ping","\xc3', "latin1"), { fin: false }),
    frameBytes(continuation, 'x"]'),
  ],
  "a surrogate in UTF-8": [frameBytes(text, Buffer.from('["ping","\xed\xa0\x80"]', "latin1"))],
  "NUL in two bytes": [frameBytes(text, Buffer.from('["ping","\xc0\x80"]', "latin1"))],
  "more than twice the largest message": [frameBytes(text, "x".repeat(131_100))],
  "another request": [Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n")],
};

/** Requests with the status that they get. */
const requests: [string, string, number][] = [
  ["a header without an end", `GET /healthz HTTP/1.1\r\nHost: x\r\nx: ${"y".repeat(8_000)}`, 431],
  [
    "length and chunks",
    "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    400,
  ],
  [
    "a length beyond numbers",
    `POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: ${"9".repeat(20)}\r\n\r\n`,
    400,
  ],
  ["a negative length", "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\nhello", 400],
  ["no host", "GET /healthz HTTP/1.1\r\nx: y\r\n\r\n", 400],
  ["lines without CR", "GET /healthz HTTP/1.1\nHost: x\n\n", 505],
  ["a whole address", "GET http://evil.example/metrics HTTP/1.1\r\nHost: x\r\n\r\n", 505],
  ["NUL in the path", "GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n", 505],
  ["a TLS greeting", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 505],
  ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
  ["the way to a file above", "GET /social/../metrics HTTP/1.1\r\nHost: x\r\n\r\n", 404],
  ["metrics, through a proxy", `GET /metrics HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: ${MARK}\r\n\r\n`, 404],
  [
    "metrics, the proxy's line below an empty one",
    "GET /metrics HTTP/1.1\r\nHost: x\r\nX-Forwarded-For:\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n",
    404,
  ],
  ["another method", "DELETE /readyz HTTP/1.1\r\nHost: x\r\n\r\n", 405],
  ["a tunnel", "CONNECT /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 405],
  ["an unknown method", `${MARK.toUpperCase()} /healthz HTTP/1.1\r\nHost: x\r\n\r\n`, 405],
  ["a body that nobody asked for", "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", 200],
  [
    "a link that is percent signs",
    `GET /social/twitter/start?token=%00%ff%zz${MARK} HTTP/1.1\r\nHost: x\r\n\r\n`,
    400,
  ],
  [
    "a link of 3,500 characters",
    `GET /social/twitter/start?token=${"w".repeat(3_500)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    400,
  ],
];

t.test("hostile bytes", async (t) => {
  const stand = await startStand(t, {
    worlds: [openWorld],
    gateways: 1,
    // Else nobody would look at what headers say of addresses.
    environment: { FOYER_TRUSTED_PROXIES: "127.0.0.0/8" },
  });
  const gateway = stand.gateways[0]!;
  const status = (answer: string) => /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? null;
  // Takes ten seconds, and so goes on beside the others.
  const slow = [
    openRaw(gateway.http),
    openRaw(gateway.http, "GET /ws/world/w HTTP/1.1\r\nHost: x\r\n"),
    openRaw(gateway.http, "GET /ws/world/w HTTP/1.1\r\nHost: x\r\nx: "),
    openRaw(gateway.http, upgradeRequest("/ws/world/w", "x: y\r\n".repeat(300))),
    openRaw(gateway.http, "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"),
  ];
  const drip = setInterval(() => {
    for (const { socket } of slow.slice(2)) if (socket.writable) socket.write("y");
  }, 500);

  t.test("what breaks the WebSocket protocol is cut", async (t) => {
    for (const [what, frames] of Object.entries(cut)) {
      const raw = await openRawWebSocket(gateway.http);
      raw.socket.write(Buffer.concat(frames));
      t.equal(await raw.closed(), "", what);
    }
  });

  t.test("what is unusual and right is served", async (t) => {
    const right: Record<string, Buffer[]> = {
      "a ping between fragments": [
        frameBytes(text, '["ping"', { fin: false }),
        frameBytes(ping, "between"),
        frameBytes(continuation, ",1]"),
      ],
      "a thousand empty fragments": [
        frameBytes(text, '["ping",1', { fin: false }),
        ...Array.from({ length: 1_000 }, () => frameBytes(continuation, "", { fin: false })),
        frameBytes(continuation, "]"),
      ],
    };
    for (const [what, frames] of Object.entries(right)) {
      const raw = await openRawWebSocket(gateway.http);
      raw.socket.write(Buffer.concat(frames));
      await raw.until(pong);
      t.pass(what);
      raw.end();
    }
    const split = await openRawWebSocket(gateway.http);
    split.socket.write(frameBytes(text, Buffer.from('["ping","\xc3', "latin1"), { fin: false }));
    split.socket.write(frameBytes(continuation, Buffer.from('\xa9"]', "latin1")));
    await split.until('["pong","é"]');
    split.end();
  });

  t.test("a close frame is answered by one, whatever it says", async (t) => {
    const closes = [
      Buffer.alloc(0),
      Buffer.from("x"),
      code(999),
      code(1005),
      code(1000, Buffer.from([0xff])),
    ];
    for (const payload of closes) {
      const raw = await openRawWebSocket(gateway.http);
      raw.socket.write(Buffer.concat([frameBytes(close, payload), frameBytes(text, hello)]));
      t.equal(await raw.closed(), "\x88\x00", "and nothing after it is served");
    }
  });

  t.test("a binary frame, and one too large, are told why", async (t) => {
    for (const [frame, said] of [
      [frameBytes(binary, hello), "\x03\xebunacceptable"],
      [frameBytes(text, "x".repeat(65_537)), "\x03\xf1tooBig"],
    ] as const) {
      const raw = await openRawWebSocket(gateway.http);
      raw.socket.write(frame);
      t.match(await raw.closed(), said);
    }
  });

  t.test("compression is never agreed on", async (t) => {
    const raw = openRaw(
      gateway.http,
      upgradeRequest(
        "/ws/world/w",
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
      ),
    );
    await raw.until("\r\n\r\n");
    t.match(raw.heard(), /^HTTP\/1\.1 101/);
    t.notMatch(raw.heard(), /extensions/i);
    raw.end();
  });

  t.test("broken and strange requests get a status of their own", async (t) => {
    for (const [what, request, expected] of requests) {
      const raw = openRaw(gateway.http, request);
      await raw.until("\r\n").catch((error: Error) => t.fail(`${what}: ${error.message}`));
      t.equal(status(raw.heard()), String(expected), what);
      raw.end();
    }
  });

  t.test("a HEAD is answered without a body, so that the next answer is not mistaken", async (t) => {
    const raw = openRaw(gateway.http, "HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    await raw.until("\r\n\r\n");
    raw.socket.write("GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n");
    await raw.until("not found\n");
    t.match(
      raw.heard(),
      /^HTTP\/1\.1 200 OK\r\n.*content-length: 3\r\n((?!\r\n\r\n).)*\r\n\r\nHTTP\/1\.1 404/s,
    );
    raw.end();
  });

  t.test("no forwarded address, however written, harms the gateway", async (t) => {
    const addresses = [
      "fe80::1%eth0",
      "[fe80::1%25a]:80",
      "%",
      "::ffff:1.2.3.4%x",
      "1.2.3.4:99999",
      ",,,",
      MARK,
    ];
    for (const address of addresses) {
      const client = await connectClient(gateway.world("w"), { "x-forwarded-for": address });
      client.send(["ping", 1]);
      t.strictSame(await client.next(), ["pong", 1], address);
      client.end();
    }
  });

  t.test("an upgrade that does not come to an end is cut, also when it goes on byte by byte", async (t) => {
    for (const raw of slow) t.notMatch(await raw.closed(), /^HTTP\/1\.1 101/);
    clearInterval(drip);
  });

  t.test("meanwhile nobody else was harmed, and the log is clean", (t) => stand.check(t));
});
