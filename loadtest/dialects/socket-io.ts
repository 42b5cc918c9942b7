/** Socket.IO 4 over its WebSocket transport: packets of engine.io (one digit) with packets of Socket.IO in them. */
import { type Dialect, heardFirst } from "./dialect.ts";

/**
 * @param bytes length of each packet's text, about
 * @param event `echo` is answered by the client's own node, `far-echo` by the other one, through the adapter
 */
export function speakSocketIo(bytes: number, event: "echo" | "far-echo"): Dialect {
  const pad = "x".repeat(Math.max(0, bytes - 24));
  return {
    url: (base, { user }) => `${base}socket.io/?EIO=4&transport=websocket&room=${user}`,
    async enter(connection) {
      await heardFirst(connection, (text) => {
        // Engine.io opens, then the namespace is asked for, then it is there.
        if (text.startsWith("0")) connection.send("40");
        return text.startsWith("40") || undefined;
      });
    },
    frame: (kind, n) => (kind === "tell" ? `42["tell",${n},"${pad}"]` : `42${n}["${event}","${pad}"]`),
    isAnswered: (kind) => kind !== "tell",
    hear(text, { connection }) {
      if (text.startsWith("43")) return { n: Number.parseInt(text.slice(2), 10), outcome: "success" };
      if (text.startsWith('42["tell",')) return { news: Number.parseInt(text.slice(10), 10) };
      // Its ping; who does not answer is cut off.
      if (text === "2") connection?.send("3");
      return null;
    },
  };
}
