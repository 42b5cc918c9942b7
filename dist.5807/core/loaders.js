/**
 * What the commands of one batch share: reads of accounts, one SQL statement for all that are asked for in a
 * turn of the event loop; and writes of logins, likewise. Nothing lives longer than its batch.
 */
import DataLoader from "dataloader";
import { retryConflicts } from "./sql/database.js";
import { writeNewLogins } from "./sql/logins.js";
import { selectUsers, touchLogins } from "./sql/users.js";
import { asUuid, isStorable } from "./storable.js";
export function createLoaders(sql) {
    const users = new Map();
    const touches = new Map();
    const logins = new Map();
    return {
        user(world, key, value) {
            const loader = remember(users, world, () => userLoaders(sql, world))[key];
            // What a column cannot hold is nobody's, and would be an error for all who share the statement.
            const stored = key === "id" ? asUuid(value) : isStorable(value) ? value : null;
            return stored === null ? Promise.resolve(undefined) : loader.load(stored);
        },
        touchLogin: (world, touch) => remember(touches, world, () => {
            return new DataLoader(async (list) => {
                const found = await retryConflicts(() => touchLogins(sql, world, list));
                return list.map((each) => touchedAs(each, found.get(each.id)));
            }, { cache: false });
        }).load(touch),
        newLogin: (world, login) => remember(logins, world, () => {
            return new DataLoader((list) => writeNewLogins(sql, world, list), { cache: false });
        }).load(login),
    };
}
function touchedAs({ traits }, found) {
    if (found === undefined)
        return "denied";
    return traits === null || traits.found === found ? "touched" : "overtaken";
}
function userLoaders(sql, world) {
    const by = (key) => new DataLoader(async (values) => {
        const rows = await selectUsers(sql, world, key, values);
        const found = new Map(rows.map((row) => [row[key], row]));
        return values.map((value) => found.get(value));
    });
    return { id: by("id"), client_id: by("client_id"), token_id: by("token_id"), pretalx_id: by("pretalx_id") };
}
function remember(map, key, make) {
    let value = map.get(key);
    if (value === undefined) {
        value = make();
        map.set(key, value);
    }
    return value;
}
//# sourceMappingURL=loaders.js.map