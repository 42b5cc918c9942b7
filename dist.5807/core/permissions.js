/** Roles that exist in every world. */
const systemRoles = {
    __anonymous_world: ["world:view"],
    __anonymous_room: [
        "room:view",
        "room:question.read",
        "room:question.ask",
        "room:question.vote",
        "room:poll.read",
        "room:poll.vote",
    ],
    __kiosk: [
        "world:view",
        "room:view",
        "room:chat.read",
        "room:question.read",
        "room:poll.read",
        "room:poll.early_results",
        "room:viewers",
        "room:invite.anonymous",
    ],
};
/** The roles that can be granted in a world. */
export function roleNames(world) {
    return [...new Set([...Object.keys(world.roles), ...Object.keys(systemRoles)])];
}
/** All that is left to a silenced user. */
const silencedPermissions = new Set(["world:view", "room:view", "room:chat.read", "room:chat.join"]);
/** Sets of traits are the attendees' tickets: a bound only against a ticket system that makes up new ones. */
const MEMO_LIMIT = 10_000;
/** Resolves what an account may do. */
export function resolveAccess(world, subject) {
    const key = memoKey(subject);
    const known = world.accessMemo.get(key);
    if (known !== undefined)
        return known;
    if (world.accessMemo.size >= MEMO_LIMIT)
        world.accessMemo.clear();
    const access = resolve(world, subject);
    world.accessMemo.set(key, access);
    return access;
}
/** What access depends on, as text. Most have neither traits nor roles: for them no JSON is made. */
function memoKey({ type, moderation_state, deleted, traits, world_roles, room_roles }) {
    const start = `${type} ${moderation_state} ${deleted}`;
    if (traits.length + world_roles.length + room_roles.length === 0)
        return start;
    return `${start} ${JSON.stringify([traits, world_roles, room_roles])}`;
}
function resolve(world, subject) {
    if (subject.deleted || subject.moderation_state === "banned") {
        return { world: new Set(), rooms: new Map() };
    }
    const allowed = (permission) => subject.moderation_state !== "silenced" || silencedPermissions.has(permission);
    const onWorld = new Set();
    const worldRoles = [...grantedRoles(world.traitGrants, subject), ...subject.world_roles];
    for (const role of worldRoles)
        addRole(world, role, onWorld);
    const rooms = new Map();
    for (const room of world.rooms) {
        const onRoom = new Set(onWorld);
        for (const role of roomRoles(room, subject))
            addRole(world, role, onRoom);
        const permissions = [...onRoom].filter((name) => name.startsWith("room:") && allowed(name)).sort();
        if (permissions.length > 0)
            rooms.set(room.id, permissions);
    }
    return { world: new Set([...onWorld].filter(allowed).sort()), rooms };
}
function roomRoles(room, subject) {
    const explicit = subject.room_roles.filter(([id]) => id === room.id).map(([, role]) => role);
    return [...grantedRoles(room.traitGrants, subject), ...explicit];
}
function addRole(world, role, permissions) {
    const list = Object.hasOwn(systemRoles, role)
        ? systemRoles[role]
        : Object.hasOwn(world.roles, role)
            ? world.roles[role]
            : [];
    for (const permission of list)
        permissions.add(permission);
}
function grantedRoles(grants, subject) {
    const traits = new Set(subject.traits);
    return Object.keys(grants).filter((role) => {
        const requirements = grants[role];
        // A role without requirements is for everyone who came as a person; anonymous users and kiosks have roles
        // of their own.
        if (requirements.length === 0)
            return subject.type === "person";
        return requirements.every((requirement) => holds(requirement, traits));
    });
}
function holds(requirement, traits) {
    return typeof requirement === "string"
        ? traits.has(requirement)
        : requirement.some((trait) => traits.has(trait));
}
//# sourceMappingURL=permissions.js.map