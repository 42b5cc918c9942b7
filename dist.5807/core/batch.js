/**
 * Runs the commands of one reading together: they share their reads, a bug in one leaves the others alone, and
 * an entry is finished when the last of its commands is answered.
 */
import { backoffMs, pause } from "../shared/backoff.js";
import { errorBody } from "../shared/protocol/errors.js";
import { errorFrame } from "../shared/protocol/frames.js";
import { operatorActionOf } from "../shared/protocol/operator-commands.js";
import { isRedisAway } from "../shared/redis/connect.js";
import { CommandContext } from "./commands/context.js";
import { runOperatorCommand } from "./commands/operator-commands.js";
import { createLoaders } from "./loaders.js";
import { fatalAnswer, parseRequest, runCommand, runGatewayCommand } from "./run-command.js";
import { isConflict, isDatabaseAway } from "./sql/database.js";
/** Runs the commands of these entries; resolves when all are answered. Never rejects. */
export async function runBatch(runner, entries) {
    const loaders = createLoaders(runner.services.sql);
    await Promise.all(entries.map((entry) => runEntry(runner, loaders, entry)));
}
async function runEntry(runner, loaders, entry) {
    const { commands, sentAt } = entry.envelope;
    runner.metrics.queueWait.observe(Math.max(0, Date.now() - sentAt) / 1000);
    const run = isTooLate(runner, entry) ? runLate : runOne;
    const answered = await Promise.all(commands.map(async (command, place) => {
        const answer = await answerCommand(runner, loaders, entry, command, place, run);
        if (answer !== null)
            runner.writer.reply(entry.envelope, { n: command.n, ...answer });
        return answer !== null;
    }));
    // One that was given up because this worker stops is another worker's.
    if (answered.every(Boolean)) {
        runner.writer.finish({ stream: entry.stream, id: entry.id, commands: commands.length });
    }
}
/**
 * Whether the commands' clients have all been told that the outcome is unknown: running them now would cost the
 * time that others still wait for. One that was delivered before may have taken effect, and somebody has to be told.
 */
function isTooLate({ services, clock }, { id, deliveries }) {
    const now = clock.now();
    const addedAt = Number(id.slice(0, id.indexOf("-")));
    return deliveries === 1 && now !== null && now - addedAt > services.settings.FOYER_COMMAND_TIMEOUT_MS;
}
/** The gateway's own commands and an operator's have times of their own. */
const runLate = async (runner, loaders, entry, command, place, request) => {
    if (command.connection === 0)
        return await runOne(runner, loaders, entry, command, place, request);
    runner.metrics.expired.inc();
    return timeoutAnswer(request.id);
};
/** @returns null when the worker stops before there is an answer */
async function answerCommand(runner, loaders, entry, command, place, run) {
    const { services, metrics, signal } = runner;
    const started = performance.now();
    let name = "unknown";
    let id;
    for (let attempt = 0;; attempt++) {
        try {
            const request = parseRequest(command.frame);
            name = metrics.knownCommand(request.action);
            id = request.id;
            // What the batch remembers is as old as the failure: another attempt reads anew.
            const reads = attempt === 0 ? loaders : createLoaders(services.sql);
            const answer = await run(runner, reads, entry, command, place, request);
            metrics.observe(name, answer, started);
            return answer;
        }
        catch (error) {
            const away = isDatabaseAway(error) || isRedisAway(error) || isConflict(error);
            // After that its client has been told that the outcome is unknown, and has sent it again.
            const maxWaitMs = services.settings.FOYER_COMMAND_TIMEOUT_MS;
            if (away && performance.now() - started < maxWaitMs && !signal.aborted) {
                await pause(backoffMs(attempt, 50, 1_000), signal);
                continue;
            }
            if (away && signal.aborted)
                return null;
            const answer = away ? timeoutAnswer(id) : fatalAnswer();
            const commandId = `${entry.envelope.gateway}.${command.n}`;
            const fields = { command: name, commandId, world: command.world, error };
            if (away)
                services.log.warn(fields, "command given up: a store is away, or too slow");
            else
                services.log.error(fields, "command failed");
            metrics.observe(name, answer, started);
            return answer;
        }
    }
}
/** What the client was told already: the outcome is unknown. */
function timeoutAnswer(id) {
    return { frame: errorFrame(id, errorBody("server.timeout")), effect: null };
}
async function runOne({ services, outbox, writer }, loaders, entry, command, place, request) {
    const { connection, n } = command;
    const { gateway, reads } = entry.envelope;
    const origin = { gateway, reads, connection, n, entryId: entry.id, place };
    const isOperator = connection === 0 && operatorActionOf(request.action) !== undefined;
    if (connection === 0 && !isOperator) {
        const share = (text) => writer.share(text);
        const userChanged = (context, user) => outbox.userChanged(context, user, { shown: true, access: false });
        return await runGatewayCommand({ services, loaders, world: command.world, now: Date.now(), share, origin, userChanged }, request);
    }
    // An operator may name what the world was given a moment ago.
    const world = isOperator
        ? await services.worlds.getLatest(command.world)
        : (services.worlds.peek(command.world) ?? (await services.worlds.get(command.world)));
    if (world === undefined) {
        return {
            frame: errorFrame(request.id, errorBody("world.unknown_world")),
            effect: { kind: "close", code: 1008 },
        };
    }
    const context = new CommandContext(services, loaders, world, origin);
    return isOperator
        ? await runOperatorCommand(context, request, outbox)
        : await runCommand(context, command, request, outbox);
}
//# sourceMappingURL=batch.js.map