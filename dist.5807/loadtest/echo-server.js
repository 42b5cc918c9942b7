/**
 * A bare uWebSockets.js echo server, run as a child process: how much this machine can do when the server does
 * nothing at all. It tells its parent the port, and ends with it.
 */
import uws from "uWebSockets.js";
uws
    .App()
    .ws("/*", {
    compression: uws.DISABLED,
    message: (socket, message, isBinary) => {
        socket.send(message, isBinary);
    },
})
    .listen("127.0.0.1", 0, (listening) => {
    if (!listening)
        throw new Error("the echo server found no free port on 127.0.0.1");
    process.send?.({ port: uws.us_socket_local_port(listening) });
});
process.on("disconnect", () => process.exit(0));
//# sourceMappingURL=echo-server.js.map