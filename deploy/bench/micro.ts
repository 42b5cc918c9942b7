/** The hot pieces by themselves: what one of each costs, in µs, the best of several runs. */

import { builtInRoles, builtInTraitGrants } from "../../core/built-in-roles.ts";
import { resolveAccess } from "../../core/permissions.ts";
import { parseRequest } from "../../core/run-command.ts";
import type { UserRow } from "../../core/sql/users.ts";
import { userJson } from "../../core/user-view.ts";
import { compileWorld } from "../../core/world.ts";
import { readFrame } from "../../gateway/frame.ts";
import {
  type Command,
  decodeCommands,
  decodeReplies,
  encodeCommands,
  encodeReplies,
} from "../../shared/envelope.ts";
import { successFrame } from "../../shared/protocol/frames.ts";

const FULL_MS = 400;
const SHORT_MS = 20;
const RUNS = 5;
/** Commands of one turn of a busy gateway's event loop. */
const TICK = 100;

const frame = '["user.fetch",4711,{"id":"5f9ea6a7-7b1c-4c56-9f0e-2f6f4f1f8f10"}]';

/** The pieces: each does its work once and gives what came out, so that nothing is left out as unused. */
function pieces(): { name: string; each: number; work(): unknown }[] {
  const world = compileWorld(
    {
      id: "w",
      settings: { title: "W", trait_badges_map: { speaker: "Speaker" } },
      roles: builtInRoles,
      trait_grants: builtInTraitGrants,
      version: "1",
    } as never,
    [],
  );
  const user = {
    ...{ id: "5f9ea6a7-7b1c-4c56-9f0e-2f6f4f1f8f10", type: "person", traits: ["speaker", "ticket"] },
    ...{ profile: '{"display_name":"Ada Lovelace"}', client_state: "{}", pretalx_id: null, token_id: "ada" },
    ...{
      moderation_state: "",
      deleted: false,
      version: 1,
      last_login_at: Date.now(),
      world_roles: [],
      room_roles: [],
    },
  } as unknown as UserRow;
  const command = (n: number): Command => ({
    n,
    connection: n,
    world: "w",
    user: user.id,
    frame,
    address: null,
    loginVersion: null,
  });
  const tick = { gateway: "g", sentAt: 1, commands: Array.from({ length: TICK }, (_, n) => command(n)) };
  const commands = encodeCommands(tick);
  const text = successFrame(4711, userJson(world, user, { manages: false, self: false }, Date.now()));
  const replies = Array.from({ length: TICK }, (_, n) => ({ n, frame: text, effect: null }));
  const encoded = encodeReplies(replies, 1);
  let fresh = 0;
  return [
    { name: "parse a frame (gateway)", each: 1, work: () => readFrame(frame) },
    { name: "parse a frame (worker)", each: 1, work: () => parseRequest(frame) },
    { name: `envelope: write a tick of ${TICK} commands`, each: TICK, work: () => encodeCommands(tick) },
    { name: `envelope: read it`, each: TICK, work: () => decodeCommands(commands) },
    { name: `envelope: write ${TICK} replies`, each: TICK, work: () => encodeReplies(replies, 1) },
    { name: `envelope: read them`, each: TICK, work: () => decodeReplies(encoded) },
    {
      name: "permissions, remembered",
      each: 1,
      work: () => resolveAccess(world, user).world.has("world:view"),
    },
    {
      name: "permissions, worked out",
      each: 1,
      work: () => resolveAccess(world, { ...user, traits: [`trait ${fresh++}`] }).world.has("world:view"),
    },
    {
      name: "answer: a user as a frame",
      each: 1,
      work: () => successFrame(1, userJson(world, user, { manages: false, self: false }, 0)),
    },
  ];
}

/** Measures all and says what each costs. */
export async function runMicro(short: boolean, say: (line: string) => void): Promise<void> {
  say("| piece | µs each | a second |");
  say("| --- | --- | --- |");
  for (const { name, each, work } of pieces()) {
    let best = Number.POSITIVE_INFINITY;
    for (let run = 0; run < RUNS; run++) {
      best = Math.min(best, timeOf(work, (short ? SHORT_MS : FULL_MS) / RUNS) / each);
      // What else this process has to do is not part of the next run.
      await new Promise((resolve) => setImmediate(resolve));
    }
    say(`| ${name} | ${best.toFixed(3)} | ${Math.round(1e6 / best).toLocaleString("en")} |`);
  }
}

let sink: unknown;

/** µs of one, over about so long. */
function timeOf(work: () => unknown, ms: number): number {
  const began = performance.now();
  let done = 0;
  for (; performance.now() - began < ms; done += 16) for (let i = 0; i < 16; i++) sink = work();
  void sink;
  return ((performance.now() - began) * 1000) / done;
}
