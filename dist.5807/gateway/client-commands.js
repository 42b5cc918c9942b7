import { errorBody } from "../shared/protocol/errors.js";
import { errorFrame } from "../shared/protocol/frames.js";
import { streamOf } from "../shared/redis/keys.js";
import { sharedHash } from "./shared-texts.js";
/** @returns runs one request of a connection; gives the command's number, and its answer later, once */
export function createClientCommands(options) {
    const { gateway, streams, timeoutMs, pending, writer, texts, log } = options;
    return (connection, request, answered) => {
        const { number, world, user } = connection;
        const fail = (failure) => {
            answered({ frame: errorFrame(request.id, errorBody(failure)), effect: null, isOwn: true });
        };
        const complete = ({ n, frame, effect, part }) => {
            if (part !== undefined) {
                if (connection.isClosed)
                    pending.forget(n);
                return answered({ frame: "", effect, part });
            }
            const { sentAt } = command;
            if (typeof frame === "string")
                return answered({ frame, effect, sentAt });
            const config = sharedHash(frame);
            const whole = texts.assemble(frame);
            if (typeof whole === "string")
                return answered({ frame: whole, effect, config, sentAt });
            whole.then((text) => answered({ frame: text, effect, config, sentAt }), (error) => {
                // Done it is, but its answer cannot be put together: sent again, it is answered anew.
                log.warn({ reason: error.message }, "a shared text is missing");
                fail("server.timeout");
            });
        };
        const isLogin = user === null;
        const command = {
            command: {
                n: pending.nextNumber(),
                connection: number,
                world,
                user,
                frame: request.text,
                address: isLogin ? connection.address : null,
            },
            // An account's commands take one stream, which alone puts them in order.
            stream: streamOf(user ?? `${gateway}:${number}`, streams),
            deadline: request.readAt + timeoutMs,
            maybeSent: false,
            sentAt: Number.POSITIVE_INFINITY,
            answered: complete,
            failed: fail,
        };
        pending.add(command);
        writer.write(command);
        return command.command.n;
    };
}
//# sourceMappingURL=client-commands.js.map