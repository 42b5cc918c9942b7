/**
 * Whether Postgres answers and lets us write: for readiness, and to leave links that lead nowhere or to the wrong
 * server. It asks over a link of its own: one of the pool could be waiting for a slow statement.
 */
import { nextTurn, pause } from "../shared/backoff.ts";
import type { Logger } from "../shared/log.ts";
import { connectDatabase, type Sql, workerLimits } from "./sql/database.ts";
import type { DatabaseLinks } from "./sql/database-links.ts";
import { selectIsReadOnly } from "./sql/server-state.ts";

const EVERY_MS = 1_000;
const RETRY_MS = 200;

/** A server that does not answer for so long is gone, or the link to it is. */
const SILENT_MS = 3_000;

/** A single link is left when it is silent for longer than any statement may take. */
const STUCK_MS = workerLimits.statementMs + 2_000;

/** A server that lets nobody write may be an old primary: new links lead to the new one, if there is one. */
const LEAVE_READ_ONLY_EVERY_MS = 5_000;

/** What is known of Postgres. */
export interface DatabaseWatch {
  /** Why this worker can do nothing; empty when it can. */
  reasons(): string[];
}

interface WatchOptions {
  url: string;
  /** Those of the pool; the watch's own is entered too. */
  links: DatabaseLinks;
  log: Logger;
  signal: AbortSignal;
}

/** Asks again and again until `signal` aborts. */
export function watchDatabase({ url, links, log, signal }: WatchOptions): DatabaseWatch {
  const sql = connectDatabase(url, { max: 1, limits: workerLimits, links, log });
  let state: "away" | "read-only" | "up" = "away";
  let leftAt = Number.NEGATIVE_INFINITY;
  /** Links of the pool may lead to a server that lets nobody write, wherever the one leads that is asked over. */
  let mayBeReadOnly = false;

  const leaveReadOnly = () => {
    const now = performance.now();
    if (now - leftAt < LEAVE_READ_ONLY_EVERY_MS) return;
    leftAt = now;
    log.warn({ links: links.cutAll() }, "postgres lets nobody write: connecting anew");
  };
  const watch = async () => {
    while (!signal.aborted) {
      const answer = await ask(sql, () => {
        state = "away";
        const now = performance.now();
        links.look(now);
        // Looking comes a little after reading, so that the others may seem to be silent for less long.
        const cut = links.cutSilent(now, SILENT_MS / 2);
        log.warn({ links: cut }, "postgres does not answer: connecting anew");
      });
      state = answer;
      if (answer === "read-only") {
        mayBeReadOnly = true;
        leaveReadOnly();
      } else if (answer === "up" && mayBeReadOnly) {
        mayBeReadOnly = false;
        log.info({ links: links.cutAll() }, "postgres lets us write again: connecting anew");
      }
      await (answer === "up" ? nextTurn(EVERY_MS, signal) : pause(RETRY_MS, signal));
    }
    await sql.end({ timeout: 1 });
  };
  const look = async () => {
    for (; !signal.aborted; await nextTurn(EVERY_MS, signal)) {
      const now = performance.now();
      links.look(now);
      const cut = links.cutUnanswered(now, STUCK_MS);
      if (cut > 0) log.warn({ links: cut }, "links to postgres stood still");
    }
  };
  void look();
  void watch();
  return {
    reasons: () => (state === "up" ? [] : [state === "away" ? "no Postgres" : "Postgres lets nobody write"]),
  };
}

/** Asks once; `onSilence` is called when no answer came, before it is given up. */
async function ask(sql: Sql, onSilence: () => void): Promise<"away" | "read-only" | "up"> {
  const late = setTimeout(onSilence, SILENT_MS);
  try {
    return (await selectIsReadOnly(sql)) ? "read-only" : "up";
  } catch {
    return "away";
  } finally {
    clearTimeout(late);
  }
}
