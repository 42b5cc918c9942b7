import { streamOf } from "../shared/redis/keys.js";
export function createAsk({ pending, writer, streams, timeoutMs }) {
    return (world, name, body) => new Promise((resolve, reject) => {
        const n = pending.nextNumber();
        const frame = JSON.stringify([name, n, body]);
        const command = {
            command: { n, connection: 0, world, user: null, frame, address: null },
            stream: streamOf(world, streams),
            deadline: performance.now() + timeoutMs,
            maybeSent: false,
            sentAt: Number.POSITIVE_INFINITY,
            answered({ effect }) {
                if (effect?.kind === "answer")
                    resolve(effect.value);
                else
                    reject(new Error(`${name}: a worker could not answer`));
            },
            failed: (failure) => reject(new Error(`${name}: ${failure}`)),
        };
        pending.add(command);
        writer.write(command);
    });
}
//# sourceMappingURL=own-commands.js.map