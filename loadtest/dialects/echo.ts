/**
 * The bare echo (`peers/uws.mjs`, `peers/ws.mjs`): what comes back is what was sent. A text that begins with "tell"
 * goes to all others of the room instead.
 */
import type { Dialect } from "./dialect.ts";

/** @param bytes length of each frame */
export function speakEcho(bytes: number): Dialect {
  return {
    url: (base, { user }) => `${base}?room=${user}`,
    enter: async () => {},
    frame: (kind, n) => `${kind === "tell" ? "tell" : "echo"} ${n} `.padEnd(bytes, "x"),
    isAnswered: (kind) => kind !== "tell",
    hear(text) {
      const n = Number.parseInt(text.slice(5), 10);
      if (text.startsWith("tell ")) return { news: n };
      return { n, outcome: text.length === bytes ? "success" : "an echo that differs" };
    },
  };
}
