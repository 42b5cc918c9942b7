/** An echo over `ws`, run as a child process; tells its parent the port, and ends with it. */
import { WebSocketServer } from "ws";

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
server.on("connection", (socket) => {
  socket.on("message", (message, isBinary) => socket.send(message, { binary: isBinary }));
});
server.on("listening", () => process.send?.({ port: server.address().port }));
process.on("disconnect", () => process.exit(0));
