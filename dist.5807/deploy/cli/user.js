import { askWorker } from "./ask-worker.js";
import { Failure, WrongUsage } from "./failure.js";
import { alignRows } from "./table.js";
/** Runs one of them. */
export async function runUser(action, options, io) {
    const target = targetOf(options);
    const body = { target, role: options.role ?? null, room: options.room ?? null };
    const answer = await askWorker(io, options, options.world, action, body);
    if (!answer.ok)
        throw new Failure(explainRefusal(answer, action, options));
    if (options.json)
        io.stdout.write(`${JSON.stringify(answer.result)}\n`);
    else if (action === "show")
        io.stdout.write(describe(answer.result));
    else
        io.stdout.write(`${summarize(answer.result, action, options)}\n`);
    return 0;
}
function targetOf({ id, uid, clientId }) {
    const given = [
        ...(id === undefined ? [] : [{ id }]),
        ...(uid === undefined ? [] : [{ uid }]),
        ...(clientId === undefined ? [] : [{ client_id: clientId }]),
    ];
    if (given.length !== 1)
        throw new WrongUsage("say whom: one of --id, --uid and --client-id");
    return given[0];
}
/** As the operator named it. */
function nameOf({ id, uid, clientId }) {
    if (id !== undefined)
        return `id "${id}"`;
    return uid === undefined ? `client id "${clientId}"` : `uid "${uid}"`;
}
function explainRefusal({ code, details }, action, options) {
    const { world, role, room } = options;
    if (code === "world.unknown_world") {
        return `there is no world "${world}": foyer world list shows those there are`;
    }
    if (code === "user.not_found")
        return `world "${world}" has no account with the ${nameOf(options)}`;
    if (code === "user.unsupported_command") {
        return `the workers do not know "${action}": bring them to this version of Foyer`;
    }
    if (details.path === "/role") {
        return `world "${world}" has no role "${role}": say ${details.expected}`;
    }
    if (details.path === "/room") {
        return `world "${world}" has no room "${room}": say ${details.expected}`;
    }
    return `a worker refused it: ${code} ${JSON.stringify(details)}`;
}
/** What is so now; it may be another thing than was asked for. */
function summarize(result, action, options) {
    const who = result.id ?? `the account with the ${nameOf(options)}`;
    if (action !== "grant" && action !== "revoke")
        return `${who} is ${result.state ?? "deleted"}`;
    const what = `the role "${options.role}"${options.room === undefined ? "" : ` in room "${options.room}"`}`;
    if (action === "grant")
        return result.changed ? `${who} has ${what}` : `${who} had ${what} already`;
    return result.changed ? `${who} has ${what} no longer` : `${who} did not have ${what}`;
}
function describe(user) {
    const show = (value) => (value === null || value === "" ? "none" : String(value));
    const list = (values) => values.join(", ") || "none";
    const state = user.deleted ? "deleted" : user.moderation_state || "active";
    const grants = user.grants.map(({ role, room }) => (room === null ? role : `${role} in room "${room}"`));
    const online = user.online.map(({ gateway, connections }) => `${connections} on ${gateway}`);
    const facts = alignRows([
        ["id", user.id],
        ["world", user.world],
        ["type", user.type],
        ["state", state],
        ["token id", show(user.token_id)],
        ["client id", show(user.client_id)],
        ["pretalx id", show(user.pretalx_id)],
        ["created", user.created_at],
        ["last login", user.last_login_at ?? "never"],
        ...(user.deleted_at === null ? [] : [["deleted", user.deleted_at]]),
        ["version", user.version],
        ["traits", list(user.traits)],
        ["badges", list(user.badges)],
        ["grants", list(grants)],
        ["permissions", list(user.permissions)],
        ["profile", JSON.stringify(user.profile)],
        ["client state", JSON.stringify(user.client_state)],
        ["connections", list(online)],
    ]);
    if (user.audit.length === 0)
        return `${facts}\nnothing in the audit log\n`;
    const rows = user.audit.map(({ at, event, actor_id: actor, data }) => [
        at,
        event,
        actor === user.id ? "itself" : (actor ?? "an operator"),
        JSON.stringify(data),
    ]);
    return `${facts}\n${alignRows([["at", "event", "by", "data"], ...rows])}`;
}
//# sourceMappingURL=user.js.map