/** `user.online_status`: which users hold a connection, on whatever gateway, as the registry in Redis knows. */
import type { CommandBody } from "../../shared/protocol/commands.ts";
import { runScript } from "../../shared/redis/lua.ts";
import { type Send, sendTogether } from "../../shared/redis/together.ts";
import type { ReadCommand, ReadContext } from "./context.ts";

type Body = CommandBody<"user.online_status">;

/** Only so many count; the rest of a longer list is passed over. */
const MAX_IDS = 100;

export const userOnlineStatus: ReadCommand<Body> = {
  prefetch({ loaders, world }, { ids }) {
    for (const id of wanted(ids)) loaders.user(world.id, "id", id).catch(() => {});
  },

  async run(context, body) {
    const ids = wanted(body.ids);
    const users = await Promise.all(ids.map((id) => context.loaders.user(context.world.id, "id", id)));
    const online = await findOnline(context, new Set(users.flatMap((user) => user?.id ?? [])));
    const entries = ids.map((id, i) => `${JSON.stringify(id)}:${online.has(users[i]?.id ?? "")}`);
    return `{${entries.join(",")}}`;
  },
};

/** A repeated id would be a repeated key in the answer. */
function wanted(ids: string[]): string[] {
  return [...new Set(ids.slice(0, MAX_IDS))];
}

/** Which of these accounts have a connection at a gateway whose lease runs: a dead one's stay until they are cleared. */
async function findOnline(
  { services, world }: ReadContext,
  users: ReadonlySet<string>,
): Promise<Set<string>> {
  if (users.size === 0) return new Set();
  const { redis, keys } = services;
  const [nodes, ...held] = (await sendTogether(redis, [
    (to) => runScript(to, "live-nodes", keys.leases("gateway"), keys.nodes("gateway")),
    ...[...users].map(
      (user): Send =>
        (to) =>
          to.zrange(keys.registry(world.id, user), "0", "-1"),
    ),
  ])) as string[][];
  const alive = new Set(nodes!.filter((_, i) => i % 2 === 0));
  const isAlive = (connection: string) => alive.has(connection.slice(0, connection.lastIndexOf("/")));
  return new Set([...users].filter((_, i) => held[i]!.some(isAlive)));
}
