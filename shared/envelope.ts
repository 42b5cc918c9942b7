/**
 * What nodes say to each other: versioned msgpack values, encoded and decoded here and nowhere else. On the wire
 * they are arrays, not maps: half the bytes, and the names would cross Redis with every command.
 *
 * Two versions of the code run side by side during a rollout, so nobody writes what its reader cannot read
 * (docs/decisions/0007). Commands are written in the newest version that every living worker reads, which each says
 * in its lease; replies in the newest that their gateway reads, which it says with its commands. Broadcasts have
 * readers that nobody knows: they only ever get more fields, at their end. A field at the end that readers may do
 * without raises no version, in none of them.
 */
import { Packr } from "msgpackr";

/**
 * The newest version of commands and replies that this code reads and writes; it does the one before too. Raised when
 * a reader of the previous version could no longer make sense of what is written, and with each new command of the
 * gateway's own (`gateway-commands.ts`).
 */
export const ENVELOPE_VERSION = 1;

/** What a node reads that does not say. */
export const FIRST_VERSION = 1;

/** Never raised. */
const BROADCAST_VERSION = 1;

/** Commands of one entry: twice what a gateway puts in one. */
const MAX_COMMANDS = 1_000;

const packr = new Packr({ useRecords: false, int64AsType: "number" });

/** An envelope that cannot be read, now or ever: garbage, or not ours. */
export class BrokenEnvelope extends Error {
  override readonly name = "BrokenEnvelope";
}

/** An envelope of a newer version: this node is too old for it, another may not be. */
export class NewerEnvelope extends Error {
  override readonly name = "NewerEnvelope";
}

/** One requested action on its way to a worker. */
export interface Command {
  /** The gateway's number for it; with the gateway's id it is the command's id. */
  n: number;
  /** The gateway's number of the connection; 0: the gateway itself asks. */
  connection: number;
  world: string;
  /** The account that the connection is logged in to. */
  user: string | null;
  /** The client's frame, unchanged; for the gateway's own commands one of the same form. */
  frame: string;
  /** Where a login comes from, for the limit on failed ones; null for all other commands. */
  address: string | null;
  /** With which version of the account the connection logged in; null where it has not, and where that is not said. */
  loginVersion: number | null;
}

/** A stream entry of the command stream: all commands of one gateway's event-loop tick for that stream. */
export interface CommandEnvelope {
  gateway: string;
  /** When the gateway wrote it, ms since the epoch by its clock: for measuring alone. */
  sentAt: number;
  commands: Command[];
  /** The newest version of replies that it reads. */
  reads: number;
}

/** Who gets a reply. */
export type Recipient = Pick<CommandEnvelope, "gateway" | "reads">;

/** A piece of a frame: text, or the hash of a text that many frames share (see `shared-text.ts`). */
export type FramePart = string | { shared: string };

/** What a gateway has to do besides passing a frame on. */
export type Effect =
  /** The connection is logged in now, and knows this version of its account. */
  | { kind: "login"; user: string; version: number }
  /** The attempt to log in failed. */
  | { kind: "login_failed" }
  /** The command changed the account of its connection to this version. */
  | { kind: "changed"; version: number }
  /** Close the connection once the frame is written. */
  | { kind: "close"; code: number }
  /** The answer to a command of the gateway's own. */
  | { kind: "answer"; value: unknown };

/** A part of an answer that is too big for one reply. */
export interface ReplyPart {
  /** Who wrote it: another run of the same command has other parts. */
  run: string;
  /** From 0, without a gap. */
  number: number;
  last: boolean;
  /** The frame's text from where the part before ends; no character is cut. */
  bytes: Buffer;
}

/** The answer to one command. */
export interface Reply {
  n: number;
  /** Empty where there is a part. */
  frame: string | FramePart[];
  effect: Effect | null;
  part?: ReplyPart;
}

/** A message on a user's channel. */
export interface UserBroadcast {
  world: string;
  user: string;
  /** The version of the account that `frame` shows. */
  version: number;
  /** The complete frame; null when nothing that the user object shows changed. */
  frame: string | null;
  /** Whether what the user may see changed too: ask for its `world.updated`. */
  accessChanged: boolean;
  /** The connection whose command caused it: it gets the answer instead. */
  origin: { gateway: string; connection: number } | null;
  /** ms since the epoch, for measuring alone. */
  publishedAt: number;
}

/** The newest version that all of these nodes read, by what they say in their leases; null where there are none. */
export function versionAllRead(nodes: readonly { reads?: number }[]): number | null {
  if (nodes.length === 0) return null;
  return Math.min(ENVELOPE_VERSION, ...nodes.map(({ reads = FIRST_VERSION }) => reads));
}

/**
 * Encodes one entry of a command stream. The sender reads what its own code does.
 *
 * @param version one that all workers read
 */
export function encodeCommands(
  { gateway, sentAt, commands }: Omit<CommandEnvelope, "reads">,
  version = ENVELOPE_VERSION,
): Buffer {
  const items = commands.map((c) => [c.n, c.connection, c.world, c.user, c.frame, c.address, c.loginVersion]);
  return packr.pack([version, gateway, sentAt, items, ENVELOPE_VERSION]);
}

/**
 * What one may hold is checked to the letter: a value that Postgres chokes on, or that is no number after all, would
 * take the commands down that share its batch.
 *
 * @throws BrokenEnvelope, NewerEnvelope
 */
export function decodeCommands(bytes: Buffer): CommandEnvelope {
  const [, gateway, sentAt, list, reads = FIRST_VERSION] = open(bytes);
  if (!isNodeId(gateway) || !Number.isFinite(sentAt) || !Array.isArray(list)) broken();
  if (list.length > MAX_COMMANDS || !isVersion(reads)) broken();
  const commands = list.map((item): Command => {
    if (!Array.isArray(item)) broken();
    const [n, connection, world, user, frame, address, loginVersion = null] = item;
    if (!isCount(n) || !isCount(connection) || !isWorldId(world)) broken();
    if (!(user === null || isUserId(user))) broken();
    if (typeof frame !== "string" || !isTextOrNull(address)) broken();
    if (!(loginVersion === null || isCount(loginVersion))) broken();
    return { n, connection, world, user, frame, address, loginVersion };
  });
  return { gateway, sentAt, commands, reads };
}

/**
 * Encodes one entry of a gateway's reply stream.
 *
 * @param reads what that gateway reads
 */
export function encodeReplies(replies: readonly Reply[], reads: number): Buffer {
  return packr.pack([Math.min(reads, ENVELOPE_VERSION), replies.map(toItem)]);
}

/**
 * Encodes a part of an answer as the only reply of its entry: the same bytes as `encodeReplies` makes, in a buffer of
 * just that size. The encoder's own is four times as large and lives for four parts, long enough for V8 to count
 * it among what is old, where it stays until all is collected: a list of 94 MB left 40 MB behind.
 *
 * @param reads what its gateway reads
 */
export function encodePart(n: number, part: ReplyPart, reads: number): Buffer {
  const { bytes } = part;
  // What a part carries stands at the very end, there with two bytes for its length, which is 0.
  const head = encodeReplies([{ n, frame: "", effect: null, part: { ...part, bytes: NOTHING } }], reads);
  const start = head.length - 2;
  const encoded = Buffer.allocUnsafeSlow(start + 5 + bytes.length);
  head.copy(encoded, 0, 0, start);
  encoded.writeUInt8(BIN_32, start);
  encoded.writeUInt32BE(bytes.length, start + 1);
  bytes.copy(encoded, start + 5);
  return encoded;
}

const NOTHING = Buffer.alloc(0);

/** msgpack: bytes with a length of 32 bits. */
const BIN_32 = 0xc6;

function toItem({ n, frame, effect, part }: Reply): unknown[] {
  return part === undefined
    ? [n, frame, effect]
    : [n, frame, effect, [part.run, part.number, part.last, part.bytes]];
}

/** @throws BrokenEnvelope, NewerEnvelope */
export function decodeReplies(bytes: Buffer): Reply[] {
  const [, list] = open(bytes);
  if (!Array.isArray(list)) broken();
  return list.map((item): Reply => {
    if (!Array.isArray(item)) broken();
    const [n, frame, effect, part] = item;
    if (!isCount(n) || !(typeof frame === "string" || isFrameParts(frame))) broken();
    if (effect !== null && !isEffect(effect)) broken();
    return part === undefined ? { n, frame, effect } : { n, frame, effect, part: toPart(part) };
  });
}

function toPart(item: unknown): ReplyPart {
  if (!Array.isArray(item)) broken();
  const [run, number, last, bytes] = item as unknown[];
  if (typeof run !== "string" || !isCount(number) || typeof last !== "boolean") broken();
  if (!Buffer.isBuffer(bytes)) broken();
  return { run, number, last, bytes };
}

/** Encodes one message on a user's channel. */
export function encodeUserBroadcast(b: UserBroadcast): Buffer {
  const origin = b.origin && [b.origin.gateway, b.origin.connection];
  return packr.pack([
    BROADCAST_VERSION,
    b.world,
    b.user,
    b.version,
    b.frame,
    b.accessChanged,
    origin,
    b.publishedAt,
  ]);
}

/** @throws BrokenEnvelope, NewerEnvelope */
export function decodeUserBroadcast(bytes: Buffer): UserBroadcast {
  const [, world, user, version, frame, accessChanged, origin, publishedAt] = open(bytes);
  if (typeof world !== "string" || typeof user !== "string" || !isCount(version)) broken();
  if (!isTextOrNull(frame) || !Number.isFinite(publishedAt)) broken();
  if (origin !== null && !Array.isArray(origin)) broken();
  return {
    world,
    user,
    version,
    frame,
    accessChanged: accessChanged === true,
    origin: origin && { gateway: String(origin[0]), connection: Number(origin[1]) },
    publishedAt,
  };
}

/** The array inside, once its version is one that this node reads. */
// biome-ignore lint/suspicious/noExplicitAny: what comes off the wire; each decoder checks what it takes out
function open(bytes: Buffer): any[] {
  let value: unknown;
  try {
    value = packr.unpack(bytes);
  } catch (error) {
    throw new BrokenEnvelope("not msgpack", { cause: error });
  }
  if (!Array.isArray(value) || !isVersion(value[0])) broken();
  if (value[0] > ENVELOPE_VERSION)
    throw new NewerEnvelope(`version ${value[0]}, this node reads ${ENVELOPE_VERSION}`);
  return value;
}

/** Whether a text can be the id of a world: such an id is in keys, channels and log lines. */
export function isWorldId(value: unknown): value is string {
  return typeof value === "string" && /^[a-z0-9-]{1,50}$/.test(value);
}

function isUserId(value: unknown): value is string {
  return (
    typeof value === "string" && /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(value)
  );
}

/** The form of `newNodeId`. */
function isNodeId(value: unknown): value is string {
  return typeof value === "string" && /^[a-z0-9-]{1,80}$/.test(value);
}

/** Numbers, versions and places are whole, and exact. */
function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isVersion(value: unknown): value is number {
  return isCount(value) && value >= FIRST_VERSION;
}

function isFrameParts(value: unknown): value is FramePart[] {
  return (
    Array.isArray(value) &&
    value.every((part) => typeof part === "string" || typeof part?.shared === "string")
  );
}

function isEffect(effect: { [key: string]: unknown } | undefined): boolean {
  switch (effect?.kind) {
    case "login":
      return typeof effect.user === "string" && isCount(effect.version);
    case "changed":
      return isCount(effect.version);
    case "close":
      return isCount(effect.code) && effect.code >= 1_000 && effect.code < 5_000;
    default:
      // One of a newer worker's means nothing here, and its frame is passed on.
      return typeof effect?.kind === "string";
  }
}

function broken(): never {
  throw new BrokenEnvelope("not an envelope of this kind");
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === "string";
}
