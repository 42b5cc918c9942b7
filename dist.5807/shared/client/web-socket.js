/** As much of the WebSocket API as the client uses: browsers have it, and so has the package `ws`. */
/**
 * The platform's own WebSocket.
 *
 * @throws where there is none, as in Node 20
 */
export function platformWebSocket() {
    const { WebSocket } = globalThis;
    if (WebSocket !== undefined)
        return WebSocket;
    throw new Error('This platform has no WebSocket: give one, such as that of the package "ws"');
}
//# sourceMappingURL=web-socket.js.map