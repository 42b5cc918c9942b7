/**
 * A node of Socket.IO 4 with its adapter for Redis streams: `echo` it acknowledges itself, `far-echo` once the other
 * node has, `tell` it emits to the room. Usage: node socket-io.mjs REDIS_URL; tells its parent the port, and ends with it.
 */
import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-streams-adapter";
import { Redis } from "ioredis";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http, {
  adapter: createAdapter(new Redis(process.argv[2]), { streamName: "peer:socket.io" }),
  transports: ["websocket"],
  perMessageDeflate: false,
  serveClient: false,
});
io.on("far-echo", (payload, acknowledge) => acknowledge(payload));
io.on("connection", (socket) => {
  const room = `room-${socket.handshake.query.room}`;
  void socket.join(room);
  socket.on("echo", (payload, acknowledge) => acknowledge(payload));
  socket.on("far-echo", (payload, acknowledge) => {
    io.serverSideEmit("far-echo", payload, (error, answers) => acknowledge(error ? null : answers[0]));
  });
  socket.on("tell", (n, payload) => socket.to(room).emit("tell", n, payload));
});
http.listen(0, "127.0.0.1", () => process.send?.({ port: http.address().port }));
process.on("disconnect", () => process.exit(0));
