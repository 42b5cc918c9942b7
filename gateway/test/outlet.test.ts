/**
 * What becomes of a client that takes less than it is sent. How much waits for it is the system's affair, which keeps
 * megabytes of its own: here a link says it.
 */
import t from "tap";
import { createRegistry } from "../../shared/metrics.ts";
import { closeCodes } from "../../shared/protocol/close-codes.ts";
import { BigAnswers } from "../big-answer.ts";
import { Lingering } from "../lingering.ts";
import { createGatewayMetrics } from "../metrics.ts";
import { Outlet } from "../outlet.ts";
import type { Link } from "../uws.ts";

const LIMIT = 1024 * 1024;

/** Outlets of one gateway: each tells how its link ended. */
function createGateway() {
  const metrics = createGatewayMetrics(createRegistry("gateway"));
  const host = {
    limits: { maxSendBufferBytes: LIMIT, commandTimeoutMs: 10_000 },
    metrics,
    bigAnswers: new BigAnswers(() => {}),
    lingering: new Lingering(),
    mayPass: () => true,
  };
  /** @param unread bytes that wait for the client */
  const open = (unread: number) => {
    const recipient = { isClosed: false, user: null };
    let ended: number | "cut" | null = null;
    const end = (how: number | "cut") => {
      recipient.isClosed = true;
      ended = how;
    };
    const link: Link = {
      send: () => 0,
      sendFirstFragment: () => 0,
      sendFragment: () => 0,
      sendLastFragment: () => 0,
      getBufferedAmount: () => unread,
      end,
      close: () => end("cut"),
    };
    return { outlet: new Outlet(recipient, link, host), ended: () => ended };
  };
  return { open, slowConsumers: async () => (await metrics.slowConsumers.get()).values[0]?.value ?? 0 };
}

t.test("who reads no answers to its WebSocket pings is closed with 1013 and counted", async (t) => {
  const { open, slowConsumers } = createGateway();
  const reading = open(LIMIT);
  reading.outlet.control();
  t.equal(reading.ended(), null);
  const slow = open(LIMIT + 1);
  slow.outlet.control();
  t.equal(slow.ended(), closeCodes.slow);
  t.equal(await slowConsumers(), 1);
});

t.test("closed connections that leave more unread than is kept for all of them are cut", async (t) => {
  const { open } = createGateway();
  const ends = Array.from({ length: 65 }, () => {
    const { outlet, ended } = open(LIMIT);
    outlet.close(closeCodes.policy);
    return ended();
  });
  t.strictSame(new Set(ends.slice(0, 64)), new Set([closeCodes.policy]));
  t.equal(ends[64], "cut");
  const { outlet, ended } = open(0);
  outlet.close(closeCodes.policy);
  t.equal(ended(), closeCodes.policy, "who has read all hears why");
});
