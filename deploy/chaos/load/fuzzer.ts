/**
 * A connection that sends what nobody should: broken JSON, wrong shapes, bytes at random, too much, before and after
 * its login. Whatever it is answered, it must not be that the server met a bug; and nobody else may notice.
 */
import WebSocket from "ws";
import { pause } from "../../../shared/backoff.ts";
import { createRandom, type Random } from "../random.ts";
import type { LoadContext } from "./client.ts";

interface FuzzerOptions {
  seed: number;
  /** Index of the gateway that it tries first. */
  gateway: number;
}

const EVERY_MS = 40;
const OPEN_MS = 3_000;
/** Frames over one connection, if it lasts so long. */
const FRAMES = 60;

/** Its own name in the history. */
const FUZZER = "fuzzer";

const values = [
  ...["null", "[]", "{}", "1e400", "-0", "9007199254740993", '"\\u0000"', '"\\ud800"', '"', "{", "\u2028"],
  ...['{"__proto__":{"x":1}}', `${"[".repeat(2_000)}${"]".repeat(2_000)}`, `"${"x".repeat(40_000)}"`],
  ...[
    '{"id":"00000000-0000-0000-0000-000000000000\\u0000"}',
    '{"profile":{"display_name":"\\u0000\\udfff"}}',
  ],
];
const actions = [
  ...["user.update", "user.fetch", "user.list", "user.ban", "user.list.search", "user.__proto__"],
  ...["ping", "authenticate", "gateway.resync", "operator.user.ban", "", "\\u0000"],
];

/** Goes on until the load ends. */
export async function runFuzzer(context: LoadContext, { seed, gateway }: FuzzerOptions): Promise<void> {
  const { gateways, signal, history, nextConnection } = context;
  const random = createRandom(seed);
  for (let turn = gateway; !signal.aborted; turn++) {
    const about = { account: FUZZER, connection: nextConnection() };
    const socket = new WebSocket(gateways[turn % gateways.length]!.url(), { handshakeTimeout: OPEN_MS });
    // Whatever ends it is what it asked for.
    socket.on("error", () => {});
    socket.on("message", (data: Buffer) => {
      const text = data.toString();
      if (text.includes("server.fatal")) history.add({ ...about, kind: "frame", text });
    });
    await new Promise((resolve) => socket.once("open", resolve).once("close", resolve));
    if (random.chance(0.7)) say(socket, `["authenticate",{"client_id":"${FUZZER}-${seed}"}]`);
    for (let i = 0; i < FRAMES && socket.readyState === WebSocket.OPEN && !signal.aborted; i++) {
      say(socket, random.chance(0.1) ? bytes(random) : frame(random));
      await pause(EVERY_MS, signal);
    }
    socket.terminate();
    await pause(EVERY_MS, signal);
  }
}

function say(socket: WebSocket, content: string | Buffer): void {
  if (socket.readyState === WebSocket.OPEN) socket.send(content);
}

function frame(random: Random): string {
  if (random.chance(0.1)) return random.pick(values);
  const id = random.chance(0.3) ? random.pick(values) : String(random.whole(0, 1_000));
  return `["${random.pick(actions)}",${id},${random.pick(values)}]`;
}

/** Up to a little more than a message may have, now and then. */
function bytes(random: Random): Buffer {
  const length = random.chance(0.1) ? 70_000 : random.whole(0, 200);
  return Buffer.from(Array.from({ length }, () => random.whole(0, 255)));
}
