/**
 * Connections that have just logged in, entered in the registry: those of one turn of the event loop together, as
 * thousands come within a minute.
 */
import DataLoader from "dataloader";
import type { RedisClient } from "../shared/redis/connect.ts";
import type { Keys } from "../shared/redis/keys.ts";
import { runScript } from "../shared/redis/lua.ts";
import { type Send, sendTogether } from "../shared/redis/together.ts";

/** A connection that is logged in. */
interface Registration {
  gateway: string;
  connection: number;
  world: string;
  user: string;
  /** Connections that the user may hold; 0: any number. */
  limit: number;
}

/** Takes a registration; gives the connections that it replaced, as `gateway/connection`. */
type Register = (registration: Registration) => Promise<readonly string[]>;

/** Registrations of one worker. */
export function createRegistrations(redis: RedisClient, keys: Keys): Register {
  const loader = new DataLoader<Registration, readonly string[]>((list) => registerAll(redis, keys, list), {
    cache: false,
  });
  return (registration) => loader.load(registration);
}

async function registerAll(
  redis: RedisClient,
  keys: Keys,
  list: readonly Registration[],
): Promise<(readonly string[])[]> {
  const gateways = [...new Set(list.map(({ gateway }) => gateway))];
  const results = await sendTogether(redis, [
    // First the lists that clearing up after a dead gateway goes by: what only the registry knew would stay.
    ...gateways.map((gateway): Send => {
      const users = list.filter((each) => each.gateway === gateway).map(userOf);
      return (to) => to.sadd(keys.gatewayUsers(gateway), ...users);
    }),
    ...list.map((each): Send => {
      const key = keys.registry(each.world, each.user);
      return (to) => runScript(to, "register-connection", key, memberOf(each), each.limit);
    }),
    ...gateways.map(
      (gateway): Send =>
        (to) =>
          runScript(to, "lease-runs", keys.leases("gateway"), gateway),
    ),
  ]);
  const replaced = results.slice(gateways.length, gateways.length + list.length) as string[][];
  const runs = results.slice(-gateways.length);
  const dead = new Set(gateways.filter((_, i) => runs[i] === 0));
  // A login whose gateway is dead already: nobody would clear up after that gateway a second time.
  const late = list.filter(({ gateway }) => dead.has(gateway));
  if (late.length > 0)
    await sendTogether(
      redis,
      late.flatMap((each) => takeBack(keys, each)),
    );
  return replaced;
}

function takeBack(keys: Keys, registration: Registration): Send[] {
  const { gateway, world, user } = registration;
  return [
    (to) => to.zrem(keys.registry(world, user), memberOf(registration)),
    (to) => to.srem(keys.gatewayUsers(gateway), userOf(registration)),
  ];
}

function memberOf({ gateway, connection }: Registration): string {
  return `${gateway}/${connection}`;
}

function userOf({ world, user }: Registration): string {
  return `${world}/${user}`;
}
