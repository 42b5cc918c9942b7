/** `foyer reload`: has all clients load their page anew, spread over a time. */
import { selectWorldVersion } from "../../core/sql/worlds.ts";
import type { ClusterLink } from "../../core/world-file.ts";
import { publish } from "../../shared/redis/together.ts";
import { Failure, type Io } from "./failure.ts";
import { type LiveNode, liveNodes } from "./live-nodes.ts";
import { findStores, type StoreOptions, withDatabase, withRedis } from "./stores.ts";

/** The options of `foyer reload`. */
export interface ReloadOptions extends StoreOptions {
  world?: string;
  /** Seconds. */
  over: number;
  json?: boolean;
}

/** Tells every gateway that is alive. */
export async function runReload(options: ReloadOptions, io: Io): Promise<number> {
  const world = options.world ?? null;
  if (world !== null) await checkWorld(world, options, io);
  const order = JSON.stringify({ kind: "reload", world, over_ms: options.over * 1_000 });
  return await withRedis(io, options, async (link) => {
    const gateways = await liveNodes(link, "gateway");
    if (gateways.length === 0) throw new Failure("no gateway is alive: nobody is connected");
    const heard = await Promise.all(gateways.map((gateway) => tell(link, gateway, order)));
    const deaf = gateways.filter((_, i) => !heard[i]).map(({ id }) => id);
    const told = gateways.length - deaf.length;
    if (options.json) io.stdout.write(`${JSON.stringify({ gateways: told, not_told: deaf })}\n`);
    else io.stdout.write(`told ${told} gateway${told === 1 ? "" : "s"}\n`);
    if (deaf.length > 0) throw new Failure(`not told: ${deaf.join(", ")}; run this again in a moment`);
    return 0;
  });
}

/** Whether it was there to hear it. */
async function tell({ redis, keys }: ClusterLink, { id }: LiveNode, order: string): Promise<boolean> {
  return (await publish(redis, keys.gatewayChannel(id), order)) > 0;
}

/** A mistyped world would reach nobody, and nobody would know. Where the database cannot tell, it is let be. */
async function checkWorld(world: string, options: ReloadOptions, io: Io): Promise<void> {
  if (findStores(io.environment, options.data).databaseUrl === null) return;
  const version = await withDatabase(io, options, (sql) => selectWorldVersion(sql, world)).catch(
    (error: unknown) => {
      if (!(error instanceof Failure)) throw error;
      io.stderr.write(`warning: whether there is a world "${world}" is unknown: ${error.message}\n`);
      return null;
    },
  );
  if (version === undefined) {
    throw new Failure(`there is no world "${world}": foyer world list shows those there are`);
  }
}
