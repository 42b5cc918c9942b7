export const errors = {
    "world.unknown_world": {
        when: "the world in the address does not exist",
        withoutId: true,
        closes: "policy",
    },
    "protocol.invalid_message": {
        when: "a frame is not a JSON array of the form [action, payload] or [action, id, payload]",
    },
    "protocol.unauthenticated": { when: "a command other than ping and authenticate before authentication" },
    "protocol.unknown_command": { when: "the namespace is unknown, or authenticate comes a second time" },
    "protocol.denied": { when: "a permission on a room is missing", message: "Permission denied." },
    "protocol.rate_limited": {
        when: "too many commands, failed logins or waiting commands",
        details: { retry_after_ms: 250 },
    },
    "server.timeout": { when: "no worker answered in time: the outcome is unknown, send it again" },
    "server.overloaded": { when: "the command queue is over its limit: nothing was done" },
    "server.fatal": {
        when: "a bug in the server; the log has the details",
        withoutId: true,
        closes: "fatal",
    },
    "connection.replaced": {
        when: "this user opened more connections than the world allows",
        message: "Connection replaced",
        withoutId: true,
        closes: "replaced",
    },
    "auth.missing_id_or_token": { when: "neither a usable token nor a usable client_id" },
    "auth.invalid_token": { when: "the token does not verify, or lacks what it needs" },
    "auth.expired_token": { when: "the token verifies but is past its exp" },
    "auth.missing_token": {
        when: "a client_id where the world admits no guests, or an unknown or expired invite",
    },
    "auth.denied": {
        when: "banned, deleted, not admitted to the world, or lacking a permission",
        message: "Permission denied.",
    },
    "user.unsupported_command": { when: "no such action in the namespace user" },
    "user.invalid_body": {
        when: "the payload has the wrong shape; details name the path and what was expected",
        details: { path: "/profile", expected: "object" },
    },
    "user.not_found": { when: "no such user in this world" },
    "user.ban.self": { when: "banning oneself" },
    "user.silence.self": { when: "silencing oneself" },
    "user.reactivate.self": { when: "reactivating oneself" },
    "user.delete.self": { when: "deleting oneself" },
    "user.block.self": { when: "blocking oneself" },
    "user.unblock.self": { when: "unblocking oneself" },
    "user.social.unknown": { when: "a social network that is not supported" },
    "user.social.disabled": { when: "the network is not enabled in the world, or has no credentials" },
    "user.social.return_url_required": { when: "return_url is missing" },
    "user.social.return_url_invalid": { when: "return_url is not absolute http(s), or of a foreign origin" },
};
/**
 * A refusal: the command was understood and is answered with this code. Anything else that a command throws is
 * a bug and becomes `server.fatal`.
 */
export class Refusal extends Error {
    code;
    details;
    constructor(code, details) {
        super(code);
        this.name = "Refusal";
        this.code = code;
        this.details = details;
    }
}
/** The error object for a code: the table's message with it, `details` where given. */
export function errorBody(code, details) {
    const row = errors[code];
    return {
        code,
        ...(row.message === undefined ? {} : { message: row.message }),
        ...(details === undefined ? {} : { details }),
    };
}
//# sourceMappingURL=errors.js.map