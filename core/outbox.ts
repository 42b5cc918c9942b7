/** What commands send besides their answers, put on its way. */
import { encodeUserBroadcast } from "../shared/envelope.ts";
import { pushFrame } from "../shared/protocol/frames.ts";
import type { Services } from "./commands/context.ts";
import { createRegistrations } from "./registrations.ts";
import type { ReplyWriter } from "./reply-writer.ts";
import type { Outbox } from "./run-command.ts";
import { ownUserJson } from "./user-view.ts";

/** The outbox of one worker. */
export function createOutbox({ redis, keys }: Services, writer: ReplyWriter): Outbox {
  const register = createRegistrations(redis, keys);
  return {
    userChanged({ world, origin: { gateway, connection }, now }, user, { shown, access }) {
      const message = encodeUserBroadcast({
        world: world.id,
        user: user.id,
        version: user.version,
        frame: shown ? pushFrame("user.updated", ownUserJson(world, user, now)) : null,
        accessChanged: access,
        origin: connection === 0 ? null : { gateway, connection },
        publishedAt: Date.now(),
      });
      writer.publish(keys.userChannel(world.id, user.id), message);
    },

    share: (text) => writer.share(text),

    async connected({ world, origin: { gateway, connection } }, user, limit) {
      const replaced = await register({ gateway, connection, world: world.id, user: user.id, limit });
      for (const [name, connections] of byGateway(replaced)) {
        writer.publish(keys.gatewayChannel(name), JSON.stringify({ kind: "replace", connections }));
      }
    },
  };
}

/** Splits `gateway/connection` into the connections of each gateway. */
function byGateway(members: readonly string[]): Map<string, number[]> {
  const result = new Map<string, number[]>();
  for (const member of members) {
    const at = member.lastIndexOf("/");
    const gateway = member.slice(0, at);
    result.set(gateway, [...(result.get(gateway) ?? []), Number(member.slice(at + 1))]);
  }
  return result;
}
