/** A TCP proxy between a node and a store, whose links are cut, frozen, held up or slowed down. */
import { createServer, connect as dial } from "node:net";
const directions = ["up", "down"];
/** Starts one; it ends with the test, or whatever else does `teardown`. */
export async function startTcpProxy(t, target) {
    const proxy = await openTcpProxy(target);
    t.teardown(() => proxy.close());
    return proxy;
}
/** Starts one that lives until it is closed. */
export async function openTcpProxy(target) {
    const halves = new Set();
    const ways = { up: "open", down: "open" };
    let isCut = false;
    let delayMs = 0;
    const destroy = ({ from, to }) => {
        from.destroy();
        to.destroy();
    };
    const pass = (half, data) => {
        if (half.isBroken)
            return;
        if (ways[half.direction] === "frozen")
            half.isBroken = true;
        else
            half.to.write(data);
    };
    const link = (from, to, direction) => {
        const half = { from, to, direction, isBroken: false };
        halves.add(half);
        from.on("data", (data) => {
            if (delayMs === 0)
                pass(half, data);
            else
                setTimeout(pass, delayMs, half, data);
        });
        from.on("error", () => from.destroy());
        from.on("close", () => {
            // Nobody hears of it where nothing passes.
            half.isBroken ||= ways[direction] === "frozen";
            if (half.isBroken)
                return;
            halves.delete(half);
            if (delayMs === 0)
                to.destroy();
            else
                setTimeout(() => to.destroy(), delayMs);
        });
        if (ways[direction] === "held")
            from.pause();
    };
    const server = createServer((near) => {
        if (isCut)
            return near.destroy();
        const far = dial(target);
        link(near, far, "up");
        link(far, near, "down");
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    const set = (way, direction) => {
        for (const each of direction === undefined ? directions : [direction])
            ways[each] = way;
        for (const { from, direction: its } of halves) {
            if (ways[its] === "held")
                from.pause();
            else
                from.resume();
        }
    };
    const open = (end) => {
        // Paused sockets must not pass on what a frozen way would have lost.
        for (const half of halves)
            if (half.isBroken)
                end(half);
        isCut = false;
        delayMs = 0;
        set("open");
    };
    const cut = () => {
        for (const half of halves)
            destroy(half);
    };
    return {
        port: server.address().port,
        cut() {
            isCut = true;
            cut();
        },
        freeze: (direction) => set("frozen", direction),
        hold: (direction) => set("held", direction),
        delay(ms) {
            delayMs = ms;
        },
        heal: () => open(destroy),
        healSilently: () => open(() => { }),
        async close() {
            cut();
            await new Promise((resolve) => server.close(() => resolve()));
        },
    };
}
//# sourceMappingURL=tcp-proxy.js.map