import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import t, { type Test } from "tap";
import { type WebSocket, WebSocketServer } from "ws";
import { type Connection, openConnection } from "../frame-client.ts";
import { encodeFrame } from "../frames.ts";

/** A `ws` server, and a client of ours connected to it. */
async function connectTo(t: Test, onConnection: (peer: WebSocket, socket: Socket) => void = () => {}) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
  t.teardown(() => {
    for (const peer of server.clients) peer.terminate();
    server.close();
  });
  await new Promise((resolve) => server.once("listening", resolve));
  const peerConnected = new Promise<WebSocket>((resolve) => {
    server.on("connection", (peer, request) => {
      onConnection(peer, request.socket);
      resolve(peer);
    });
  });
  const connection = await openConnection(
    `ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws/world/w`,
  );
  const texts = collect(connection);
  return { connection, texts, peer: await peerConnected };
}

/** Messages in order, to be awaited one by one. */
function collect(connection: Connection) {
  const arrived: string[] = [];
  const waiting: ((text: string) => void)[] = [];
  connection.onMessage = (text) => {
    const next = waiting.shift();
    if (next) next(text);
    else arrived.push(text);
  };
  return async () => arrived.shift() ?? new Promise<string>((resolve) => waiting.push(resolve));
}

const closing = (connection: Connection) =>
  new Promise<[number, string]>((resolve) => {
    connection.onClose = (code, reason) => resolve([code, reason]);
  });

t.test("texts of every length encoding arrive both ways", async (t) => {
  const { connection, texts } = await connectTo(t, (peer) => {
    peer.on("message", (data, isBinary) => peer.send(data, { binary: isBinary }));
  });
  for (const text of ["", "x".repeat(125), "x".repeat(126), "ä€😀".repeat(20_000), "x".repeat(300_000)]) {
    connection.send(text);
    t.equal(await texts(), text);
  }
});

t.test("a frame that comes with the answer to the upgrade is not lost", async (t) => {
  const { texts } = await connectTo(t, (peer) => peer.send("at once"));
  t.equal(await texts(), "at once");
});

t.test("frames split at every byte, and several in one chunk", async (t) => {
  let socket: Socket | undefined;
  const { texts } = await connectTo(t, (_peer, its) => {
    socket = its;
  });
  const unmask = (frame: Buffer) =>
    Buffer.concat([Buffer.from([frame[0]!, frame[1]! & 0x7f]), frame.subarray(6)]);
  const bytes = Buffer.concat(["one", "zwölf", ""].map((text) => unmask(encodeFrame(1, text))));
  for (const byte of bytes) {
    socket!.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.strictSame([await texts(), await texts(), await texts()], ["one", "zwölf", ""]);
  socket!.write(Buffer.concat([bytes, bytes.subarray(0, 3)]));
  t.strictSame([await texts(), await texts(), await texts()], ["one", "zwölf", ""]);
  socket!.write(bytes.subarray(3));
  t.strictSame([await texts(), await texts(), await texts()], ["one", "zwölf", ""]);
});

t.test("a fragmented message with a ping between its parts", async (t) => {
  const { texts, peer } = await connectTo(t);
  const pong = new Promise<string>((resolve) => peer.on("pong", (data) => resolve(data.toString())));
  peer.send("frag", { fin: false });
  peer.ping("between");
  peer.send("men", { fin: false });
  peer.send("ted", { fin: true });
  t.equal(await texts(), "fragmented");
  t.equal(await pong, "between");
});

t.test("closing", async (t) => {
  t.test("by the server, with code and reason", async (t) => {
    const { connection, peer } = await connectTo(t);
    const echoed = new Promise<number>((resolve) => peer.on("close", resolve));
    const closed = closing(connection);
    peer.close(4001, "replaced");
    t.strictSame(await closed, [4001, "replaced"]);
    t.equal(await echoed, 4001);
  });

  t.test("by the client", async (t) => {
    const { connection, peer } = await connectTo(t);
    const heard = new Promise<number>((resolve) => peer.on("close", resolve));
    const closed = closing(connection);
    connection.close();
    t.equal((await closed)[0], 1000);
    t.equal(await heard, 1000);
  });

  t.test("a link that is cut is 1006", async (t) => {
    const { connection, peer } = await connectTo(t);
    const closed = closing(connection);
    peer.terminate();
    t.equal((await closed)[0], 1006);
  });

  t.test("a binary frame ends the connection and says why", async (t) => {
    const { connection, peer } = await connectTo(t);
    const closed = closing(connection);
    peer.send(Buffer.from("binary"));
    t.match(await closed, [1006, /text only/]);
  });
});

t.test("what is no gateway is refused clearly", async (t) => {
  await t.rejects(openConnection("http://127.0.0.1/"), /speaks ws:\/\/ and wss:\/\//);
  await t.rejects(openConnection("wss://127.0.0.1:1/"), /cannot connect/);
  await t.rejects(openConnection("localhost"), /is no URL/);
  await t.rejects(openConnection("ws://127.0.0.1:1/"), /cannot connect/);
  const server = createServer((_request, response) => response.writeHead(200).end("hello"));
  t.teardown(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await t.rejects(openConnection(`ws://127.0.0.1:${port}/`), /refused the upgrade: HTTP\/1\.1 200 OK/);
});
