/** What the gateway asks workers for itself: over the same stream as its clients' commands, as connection 0. */
import type { GatewayCommandName, GatewayCommands } from "../shared/protocol/gateway-commands.ts";
import { streamOf } from "../shared/redis/keys.ts";
import type { CommandWriter } from "./command-writer.ts";
import type { PendingCommands } from "./pending-commands.ts";

/** Asks a worker. @throws Error when no answer came in time */
export type Ask = <N extends GatewayCommandName>(
  world: string,
  name: N,
  body: GatewayCommands[N]["body"],
) => Promise<GatewayCommands[N]["answer"]>;

interface OwnCommandsOptions {
  pending: PendingCommands;
  writer: CommandWriter;
  streams: number;
  timeoutMs: number;
}

export function createAsk({ pending, writer, streams, timeoutMs }: OwnCommandsOptions): Ask {
  return (world, name, body) =>
    new Promise((resolve, reject) => {
      const n = pending.nextNumber();
      const frame = JSON.stringify([name, n, body]);
      const command = {
        command: { n, connection: 0, world, user: null, frame, address: null, loginVersion: null },
        stream: streamOf(world, streams),
        deadline: performance.now() + timeoutMs,
        maybeSent: false,
        sentAt: Number.POSITIVE_INFINITY,
        answered({ effect }: { effect: { kind: string; value?: unknown } | null }) {
          if (effect?.kind === "answer") resolve(effect.value as never);
          else reject(new Error(`${name}: a worker could not answer`));
        },
        failed: (failure: string) => reject(new Error(`${name}: ${failure}`)),
      };
      pending.add(command);
      writer.write(command);
    });
}
