/** Bans accounts and lets them in again, one after the other. */
import { pause } from "../../../shared/backoff.ts";
import { type LoadContext, PATIENT_MS } from "./client.ts";
import { type ChaosConnection, openConnection } from "./connection.ts";

export interface ModeratorOptions {
  login: object;
  /** Accounts that may be banned: name, and id once it is known. */
  victims: readonly { account: string; user(): string | null }[];
  everyMs: number;
}

const AGAIN_MS = 100;
const BANNED_MS = [100, 1_500] as const;

/** Its own name in the history. */
const MODERATOR = "moderator";

/** Runs until the load ends. Whoever it has banned is let in again before that, if it can be. */
export async function runModerator(context: LoadContext, options: ModeratorOptions): Promise<void> {
  const { signal, random, history } = context;
  const ask = keepConnected(context, options.login);
  while (!signal.aborted) {
    await pause(options.everyMs * (0.5 + random.next()), signal);
    const { account, user } = random.pick(options.victims);
    const id = user();
    if (id === null || signal.aborted) continue;
    const about = { account, connection: 0 };
    if (await ask("user.ban", { id })) {
      // What had reached this process by then is read first: two turns of the event loop look at every socket.
      await turnOfEventLoop();
      await turnOfEventLoop();
      history.add({ ...about, kind: "banned" });
    }
    await pause(random.whole(...BANNED_MS), signal);
    history.add({ ...about, kind: "reactivated" });
    await ask("user.reactivate", { id });
  }
}

/** @returns asks until there is an answer, over as many connections as it takes; true for a success */
function keepConnected(context: LoadContext, login: object) {
  const { gateways, nextConnection, history, ended } = context;
  let connection: ChaosConnection | null = null;
  let turn = 0;
  const connect = async () => {
    const gateway = gateways[turn++ % gateways.length]!;
    const about = { account: MODERATOR, client: MODERATOR, number: nextConnection(), history };
    const opened = await openConnection({ ...about, url: gateway.url(), gateway: gateway.name });
    if (opened === null) return null;
    if ((await opened.logIn(login, PATIENT_MS)).outcome === "success") return opened;
    opened.end();
    return null;
  };
  ended.addEventListener("abort", () => connection?.end(), { once: true });
  return async (command: string, body: object): Promise<boolean> => {
    while (!ended.aborted) {
      if (connection?.isOpen() !== true) connection = await connect();
      const answer = await connection?.ask(command, body, PATIENT_MS);
      if (answer?.outcome === "success") return true;
      if (answer?.outcome === "refused") return false;
      if (answer?.outcome === "late") connection?.end();
      await pause(AGAIN_MS, ended);
    }
    return false;
  };
}

function turnOfEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
