import { COMMAND_GROUP } from "../shared/redis/keys.js";
import { runScript } from "../shared/redis/lua.js";
import { entryIdOf } from "./position.js";
import { selectGreatestPosition } from "./sql/command-log.js";
/** @returns whether something had to be made or raised */
export async function prepareStream({ redis, sql, keys }, stream) {
    const { ms, sequence } = entryIdOf(await selectGreatestPosition(sql));
    const changed = await runScript(redis, "prepare-stream", keys.commandStream(stream), keys.streamChecked(stream), COMMAND_GROUP, ms, sequence);
    return changed === 1;
}
/** Whether that was done on the server that holds the stream now: it may be another one than a moment ago. */
export async function isStreamChecked({ redis, keys }, stream) {
    const [, checked] = (await runScript(redis, "check-stream", keys.streamChecked(stream)));
    return checked === 1;
}
//# sourceMappingURL=stream-check.js.map