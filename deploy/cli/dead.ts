/** `foyer dead list|retry|drop`: commands that were given up after too many deliveries. */
import type { ClusterLink } from "../../core/world-file.ts";
import { decodeCommands } from "../../shared/envelope.ts";
import { runScript } from "../../shared/redis/lua.ts";
import { Failure, type Io, WrongUsage } from "./failure.ts";
import { type StoreOptions, withRedis } from "./stores.ts";
import { alignRows } from "./table.ts";

interface DeadLetter {
  id: string;
  bytes: Buffer;
  stream: number;
  deliveries: number;
  error: string;
}

interface ChangeOptions extends StoreOptions {
  all?: boolean;
}

/** The last moment that there is a date for. */
const MAX_TIME_MS = 8_640_000_000_000_000;

const UNREADABLE = "unreadable";

/** Prints the dead letters, or those of these ids. */
export async function runDeadList(
  ids: string[],
  options: StoreOptions & { json?: boolean },
  io: Io,
): Promise<number> {
  const letters = await withRedis(io, options, async (link) => choose(await readLetters(link), ids));
  const rows = letters.map(describe);
  if (options.json) io.stdout.write(`${JSON.stringify(rows)}\n`);
  else if (rows.length === 0) io.stderr.write("no dead letters\n");
  else io.stdout.write(alignRows([Object.keys(rows[0]!), ...rows.map((row) => Object.values(row))]));
  return 0;
}

/** Gives them to the workers again. */
export async function runDeadRetry(ids: string[], options: ChangeOptions, io: Io): Promise<number> {
  return await change(ids, options, io, "retried", async ({ redis, keys }, { bytes, stream }) => {
    const count = readCommands(bytes)?.length ?? 0;
    const [key, backlog] = [keys.commandStream(stream), keys.backlog(stream)];
    // No limit: an operator's few are none to be turned away.
    const added = await runScript(redis, "add-entry", key, backlog, bytes, count, 0);
    if (added === null) {
      throw new Failure(`no worker has made command stream ${stream} yet: start foyer core, then try again`);
    }
  });
}

/** Forgets them. */
export async function runDeadDrop(ids: string[], options: ChangeOptions, io: Io): Promise<number> {
  return await change(ids, options, io, "dropped", async () => {});
}

async function change(
  ids: string[],
  options: ChangeOptions,
  io: Io,
  done: string,
  act: (link: ClusterLink, letter: DeadLetter) => Promise<void>,
): Promise<number> {
  if (ids.length > 0 === (options.all === true)) {
    throw new WrongUsage("say the IDs that foyer dead list shows, or --all for all of them");
  }
  return await withRedis(io, options, async (link) => {
    for (const letter of choose(await readLetters(link), ids)) {
      // Removed last: between the two it stands twice, never nowhere.
      await act(link, letter);
      await link.redis.xdel(link.keys.deadLetters(), letter.id);
      io.stdout.write(`${done} ${letter.id}\n`);
    }
    return 0;
  });
}

/** @throws Failure naming an id that is none, before anything is done */
function choose(letters: DeadLetter[], ids: string[]): DeadLetter[] {
  const missing = ids.filter((id) => !letters.some((letter) => letter.id === id));
  if (missing.length > 0) {
    throw new Failure(`there is no dead letter ${missing.join(", ")}: foyer dead list shows those there are`);
  }
  return ids.length === 0 ? letters : letters.filter((letter) => ids.includes(letter.id));
}

async function readLetters({ redis, keys }: ClusterLink): Promise<DeadLetter[]> {
  const raw = (await redis.xrangeBuffer(keys.deadLetters(), "-", "+")) as [Buffer, Buffer[]][];
  return raw.map(([id, list]) => {
    const fields: Record<string, Buffer> = {};
    for (let i = 0; i < list.length; i += 2) fields[list[i]!.toString()] = list[i + 1]!;
    return {
      id: id.toString(),
      bytes: fields.e ?? Buffer.alloc(0),
      stream: Number(fields.stream ?? 0),
      deliveries: Number(fields.deliveries ?? 0),
      error: String(fields.error ?? ""),
    };
  });
}

/** As `--json` shows one (docs/operations.md). */
function describe({ id, bytes, deliveries, error }: DeadLetter) {
  const commands = readCommands(bytes);
  const distinct = (texts: string[] | undefined) =>
    texts === undefined ? UNREADABLE : [...new Set(texts)].join(", ");
  return {
    id,
    // Whoever may write there may choose ids that are no time.
    at: new Date(Math.min(Number(id.split("-")[0]), MAX_TIME_MS)).toISOString(),
    deliveries,
    command: distinct(commands?.map(({ frame }) => actionOf(frame))),
    world: distinct(commands?.map(({ world }) => world)),
    error: error.replace(/\p{Cc}/gu, "?"),
  };
}

/** Null when they cannot be read, ever or by this version. */
function readCommands(bytes: Buffer) {
  try {
    return decodeCommands(bytes).commands;
  } catch {
    // Why is in the dead letter's own `error`.
    return null;
  }
}

function actionOf(frame: string): string {
  try {
    const [action] = JSON.parse(frame);
    // It goes to a terminal.
    return typeof action === "string" && /^[\w.-]{1,100}$/.test(action) ? action : UNREADABLE;
  } catch {
    // Shown as what it is; its bytes may be anything.
    return UNREADABLE;
  }
}
