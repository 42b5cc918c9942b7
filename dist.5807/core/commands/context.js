import { positionOf } from "../position.js";
/** A command under way, whoever sent it. One object a command, made for each of thousands a second. */
export class CommandContext {
    services;
    loaders;
    world;
    origin;
    /** ms since the epoch. */
    now = Date.now();
    /** Set once the actor is permitted: see `ReadContext`. */
    actor = null;
    access = null;
    /** The operator's hand, not a user: it may do everything, and the audit log names nobody. */
    isOperator = false;
    /** Set inside its transaction: see `WriteContext`. */
    tx = null;
    locked = null;
    constructor(services, loaders, world, origin) {
        this.services = services;
        this.loaders = loaders;
        this.world = world;
        this.origin = origin;
    }
    /** `gateway.n`: the same however often the command is delivered. */
    get commandId() {
        return `${this.origin.gateway}.${this.origin.n}`;
    }
    /** Its place among all commands (`position.ts`). */
    get position() {
        return positionOf(this.origin.entryId, this.origin.place);
    }
}
//# sourceMappingURL=context.js.map