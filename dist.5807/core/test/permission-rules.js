const ofSystem = new Map([
    ["__anonymous_world", "world:view"],
    [
        "__anonymous_room",
        "room:view room:question.read room:question.ask room:question.vote room:poll.read room:poll.vote",
    ],
    [
        "__kiosk",
        "world:view room:view room:chat.read room:question.read room:poll.read room:poll.early_results room:viewers room:invite.anonymous",
    ],
]);
/** Roles that tests grant. */
export const roleNames = [...ofSystem.keys(), "attendee", "speaker", "staff"];
/** All permissions that can come up. */
export const permissionNames = [
    ...new Set([
        ...[...ofSystem.values()].flatMap((names) => names.split(" ")),
        "world:update",
        "world:users.manage",
        "room:chat.join",
        "room:chat.send",
        "roomy",
    ]),
];
/** Whether somebody holds a permission on the world. */
export function mayOnWorld(rules, subject, permission) {
    return (keeps(subject, permission) && rolesOnWorld(rules, subject).some((role) => gives(rules, role, permission)));
}
/** Whether somebody holds a permission of rooms in one of them: by the world, or by the room. */
export function mayInRoom(rules, subject, room, permission) {
    if (!permission.startsWith("room:") || !keeps(subject, permission))
        return false;
    if (mayOnWorld(rules, subject, permission))
        return true;
    const explicit = subject.room_roles.flatMap(([where, role]) => (where === room ? [role] : []));
    return [...byTraits(rules.roomGrants[room], subject), ...explicit].some((role) => gives(rules, role, permission));
}
function rolesOnWorld(rules, subject) {
    return [...byTraits(rules.worldGrants, subject), ...subject.world_roles];
}
/** A banned or deleted user keeps nothing, a silenced one four permissions. */
function keeps(subject, permission) {
    if (subject.deleted || subject.moderation_state === "banned")
        return false;
    if (subject.moderation_state !== "silenced")
        return true;
    return /^(world:view|room:view|room:chat\.read|room:chat\.join)$/.test(permission);
}
function byTraits(grants, subject) {
    return Object.entries(grants).flatMap(([role, requirements]) => {
        if (requirements.length === 0)
            return subject.type === "person" ? [role] : [];
        const missing = requirements.filter((requirement) => {
            const alternatives = typeof requirement === "string" ? [requirement] : requirement;
            return !subject.traits.some((trait) => alternatives.includes(trait));
        });
        return missing.length === 0 ? [role] : [];
    });
}
function gives(rules, role, permission) {
    const system = ofSystem.get(role)?.split(" ");
    const own = Object.entries(rules.roles).find(([name]) => name === role)?.[1];
    return (system ?? own ?? []).includes(permission);
}
//# sourceMappingURL=permission-rules.js.map