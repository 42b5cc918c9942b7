/** `foyer world import|export|list|delete`: worlds as files (docs/protocol.md). */
import { readFileSync } from "node:fs";
import { text as readAll } from "node:stream/consumers";
import { deleteWorld, exportWorld, importWorld, listWorlds, WorldFileError, } from "../../core/world-file.js";
import { Failure, WrongUsage } from "./failure.js";
import { findJsonFault } from "./json-fault.js";
import { findStores, withDatabase, withRedis } from "./stores.js";
import { alignRows } from "./table.js";
/** Puts a world in place as its file says, and tells a running cluster. @param file "-": stdin */
export async function runWorldImport(file, options, io) {
    const content = parse(file, await read(file, io));
    const done = await onCluster(io, options, (sql, cluster) => importOrExplain(sql, cluster, file, content));
    for (const key of done.skipped)
        io.stderr.write(`warning: "${key}" means nothing to Foyer and was skipped\n`);
    const { world, created, rooms } = done;
    const said = `${created ? "created" : "updated"} world "${world}" with ${rooms} room${rooms === 1 ? "" : "s"}`;
    io.stdout.write(`${options.json ? JSON.stringify(done) : said}\n`);
    return 0;
}
/** Prints the file of a world, its secrets too. */
export async function runWorldExport(id, options, io) {
    const file = await withDatabase(io, options, (sql) => exportWorld(sql, id));
    if (file === null)
        throw noWorld(id);
    io.stdout.write(`${JSON.stringify(file, null, 2)}\n`);
    return 0;
}
/** Prints all worlds. */
export async function runWorldList(options, io) {
    const worlds = await withDatabase(io, options, (sql) => listWorlds(sql));
    if (options.json)
        io.stdout.write(`${JSON.stringify(worlds)}\n`);
    else if (worlds.length === 0)
        io.stderr.write("no worlds yet: foyer world import FILE makes one\n");
    else {
        const rows = worlds.map(({ id, rooms, users, title }) => [id, rooms, users, title]);
        io.stdout.write(alignRows([["id", "rooms", "users", "title"], ...rows]));
    }
    return 0;
}
/** Deletes a world with all its accounts. */
export async function runWorldDelete(id, options, io) {
    if (!options.yes) {
        throw new WrongUsage(`this deletes world "${id}" with all its accounts: add --yes to do it`);
    }
    const deleted = await onCluster(io, options, (sql, cluster) => deleteWorld(sql, cluster, id));
    if (!deleted)
        throw noWorld(id);
    io.stdout.write(`deleted world "${id}"\n`);
    return 0;
}
async function importOrExplain(sql, cluster, file, content) {
    try {
        return await importWorld(sql, cluster, content);
    }
    catch (error) {
        if (!(error instanceof WorldFileError))
            throw error;
        const faults = error.faults.map(({ path, expected }) => `  ${path}: expected ${expected}`);
        throw new Failure(`${nameOf(file)}: ${error.message}\n${faults.join("\n")}`);
    }
}
/** Works with a link to the cluster where there can be one. A Redis that is away keeps no world from changing. */
async function onCluster(io, options, work) {
    return await withDatabase(io, options, async (sql) => {
        if (findStores(io.environment, options.data).redisUrl === null)
            return await work(sql, null);
        let hasLink = false;
        try {
            return await withRedis(io, options, (cluster) => {
                hasLink = true;
                return work(sql, cluster);
            });
        }
        catch (error) {
            if (hasLink || !(error instanceof Failure))
                throw error;
            io.stderr.write(`warning: connected users are not told of the change: ${error.message}\n`);
            return await work(sql, null);
        }
    });
}
async function read(file, io) {
    if (file === "-")
        return await readAll(io.stdin);
    try {
        return readFileSync(file, "utf8");
    }
    catch (error) {
        throw new Failure(`${file} cannot be read: ${error.message}`);
    }
}
function parse(file, text) {
    // Editors of some systems begin a file with a byte order mark.
    const json = text.replace(/^\uFEFF/, "");
    try {
        return JSON.parse(json);
    }
    catch {
        const { line, column } = findJsonFault(json);
        throw new Failure(`${nameOf(file)} is not JSON: correct what stands at line ${line}, column ${column}; nothing was imported`);
    }
}
const nameOf = (file) => (file === "-" ? "stdin" : file);
function noWorld(id) {
    return new Failure(`there is no world "${id}": foyer world list shows those there are`);
}
//# sourceMappingURL=world.js.map