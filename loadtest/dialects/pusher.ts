/** Pusher's protocol, which soketi speaks: a member's room is a private channel, what it tells a client event. */
import { createHmac } from "node:crypto";
import { type Dialect, heardFirst } from "./dialect.ts";

/** The application that `peers/soketi.mjs` sets up. */
const pusherApp = { id: "load", key: "load-key", secret: "load-secret" } as const;

/** @param bytes length of each event's text, about */
export function speakPusher(bytes: number): Dialect {
  const pad = "x".repeat(Math.max(0, bytes - 60));
  return {
    url: (base) => `${base}app/${pusherApp.key}?protocol=7&client=load&version=1`,
    async enter(connection, member) {
      const channel = channelOf(member.user);
      await heardFirst(connection, (text) => {
        if (text.includes("pusher:error")) throw new Error(text.slice(0, 200));
        const [, socket] = /socket_id\\*":\\*"([\d.]+)/.exec(text) ?? [];
        if (socket !== undefined) connection.send(subscription(socket, channel));
        return text.includes("subscription_succeeded") || undefined;
      });
    },
    frame: (_kind, n, { user }) =>
      `{"event":"client-tell","channel":"${channelOf(user)}","data":{"n":${n},"pad":"${pad}"}}`,
    isAnswered: () => false,
    hear(text, { connection }) {
      if (text.includes("client-tell")) {
        const [, news] = /"n\\*": ?(\d+)/.exec(text) ?? [];
        return news === undefined ? null : { news: Number(news) };
      }
      if (text.includes("pusher:ping")) connection?.send('{"event":"pusher:pong","data":{}}');
      return null;
    },
  };
}

function channelOf(user: number): string {
  return `private-${user}`;
}

function subscription(socket: string, channel: string): string {
  const signature = createHmac("sha256", pusherApp.secret).update(`${socket}:${channel}`).digest("hex");
  const data = { channel, auth: `${pusherApp.key}:${signature}` };
  return JSON.stringify({ event: "pusher:subscribe", data });
}
