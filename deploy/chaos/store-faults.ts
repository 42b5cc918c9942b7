/** Faults that a store is told to bring about: it ends all links to it, or forgets what it holds. */
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import type { ChaosCluster } from "./world/cluster.ts";

/** Links that come back meanwhile are ended too. */
const EVERY_MS = 50;

/** Ends every link to a store until it is undone. */
export function sever({ stores, sql }: ChaosCluster, store: "redis" | "postgres"): () => Promise<void> {
  const undone = new AbortController();
  const link = store === "redis" ? connect(stores.redisUrl) : null;
  const endAll = async () => {
    if (link !== null)
      for (const kind of ["normal", "pubsub"]) await link.call("client", "kill", "type", kind);
    else
      await sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'foyer' and pid <> pg_backend_pid()`;
  };
  const working = (async () => {
    while (!undone.signal.aborted) {
      await endAll().catch(() => {
        // The store itself is away by another fault: its links are too.
      });
      await sleep(EVERY_MS);
    }
    link?.disconnect();
  })();
  return () => {
    undone.abort();
    return working;
  };
}

/** Empties Redis while it runs. */
export async function flush({ stores }: ChaosCluster): Promise<() => void> {
  const link = connect(stores.redisUrl);
  await link.flushall().catch(() => {
    // It is away by another fault.
  });
  link.disconnect();
  return () => {};
}

function connect(url: string): Redis {
  const link = new Redis(url, { retryStrategy: () => EVERY_MS, maxRetriesPerRequest: 0 });
  link.on("error", () => {
    // What was asked says so.
  });
  return link;
}
