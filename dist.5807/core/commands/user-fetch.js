import { Refusal } from "../../shared/protocol/errors.js";
import { userJson } from "../user-view.js";
/** Only so many count; the rest of a longer list is passed over. */
const MAX_IDS = 100;
export const userFetch = {
    prefetch(context, body) {
        const { key, values } = wanted(body);
        for (const value of values)
            load(context, key, value).catch(() => { });
    },
    async run(context, body) {
        const { key, values, single } = wanted(body);
        const users = await Promise.all(values.map((value) => load(context, key, value)));
        if (single) {
            if (users[0] === undefined)
                throw new Refusal("user.not_found");
            return view(context, users[0]);
        }
        const entries = values.flatMap((value, i) => {
            const user = users[i];
            return user === undefined ? [] : [`${JSON.stringify(value)}:${view(context, user)}`];
        });
        return `{${entries.join(",")}}`;
    },
};
function load(context, key, value) {
    return context.loaders.user(context.world.id, key, value);
}
function view(context, user) {
    const manages = context.access.world.has("world:users.manage");
    return userJson(context.world, user, { manages, self: false }, context.now);
}
function wanted(body) {
    if (body.id != null)
        return { key: "id", values: [body.id], single: true };
    const [key, list] = body.ids != null ? ["id", body.ids] : ["pretalx_id", body.pretalx_ids];
    if (list == null) {
        throw new Refusal("user.invalid_body", { path: "", expected: "one of id, ids, pretalx_ids" });
    }
    // A repeated id would be a repeated key in the answer.
    return { key, values: [...new Set(list.slice(0, MAX_IDS))], single: false };
}
//# sourceMappingURL=user-fetch.js.map