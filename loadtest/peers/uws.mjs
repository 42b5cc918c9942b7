/**
 * Bare uWebSockets.js, run as a child process: how much this machine can do when the server does nothing at all. It
 * echoes; what begins with "tell" goes through Redis to all others of the sender's room, on every such server.
 * Usage: node uws.mjs [REDIS_URL]; tells its parent the port, and ends with it.
 */

import uws from "uWebSockets.js";
import { Redis } from "ioredis";

const CHANNEL = "peer:tell";
const TELL = Buffer.from("tell ");

const url = process.argv[2];
const links = url === undefined ? null : { publisher: new Redis(url), subscriber: new Redis(url) };
const app = uws.App();

/** @param {ArrayBuffer} message */
function isTelling(message) {
  return message.byteLength > TELL.length && Buffer.from(message, 0, TELL.length).equals(TELL);
}

app.ws("/*", {
  compression: uws.DISABLED,
  maxBackpressure: 16 * 2 ** 20,
  idleTimeout: 0,
  upgrade: (response, request, context) => {
    response.upgrade(
      { room: request.getQuery("room") ?? "" },
      request.getHeader("sec-websocket-key"),
      request.getHeader("sec-websocket-protocol"),
      request.getHeader("sec-websocket-extensions"),
      context,
    );
  },
  open: (socket) => {
    if (links !== null) socket.subscribe(socket.getUserData().room);
  },
  message: (socket, message, isBinary) => {
    if (links === null || !isTelling(message)) return void socket.send(message, isBinary);
    const { room } = socket.getUserData();
    // The sender's own server leaves it out; through Redis the others hear.
    socket.publish(room, message);
    void links.publisher.publish(
      CHANNEL,
      JSON.stringify([process.pid, room, Buffer.from(message).toString()]),
    );
  },
});

await links?.subscriber.subscribe(CHANNEL);
links?.subscriber.on("message", (_channel, text) => {
  const [pid, room, message] = JSON.parse(text);
  if (pid !== process.pid) app.publish(room, message);
});
app.listen("127.0.0.1", 0, (listening) => {
  if (!listening) throw new Error("the server found no free port on 127.0.0.1");
  process.send?.({ port: uws.us_socket_local_port(listening) });
});
process.on("disconnect", () => process.exit(0));
