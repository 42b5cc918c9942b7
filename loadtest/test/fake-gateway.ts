/** Just enough of a gateway to try the scenarios on: guests, profiles, broadcasts, and faults to be found. */
import type { AddressInfo } from "node:net";
import type { Test } from "tap";
import { type WebSocket, WebSocketServer } from "ws";
import { type Target, targetOfUrls } from "../cluster.ts";

/** What it does wrong, update number by update number. */
export interface Faults {
  answer?(n: number): "success" | "server.timeout";
  /** How often the broadcast of this update is delivered. */
  broadcasts?(n: number): number;
  echoToSender?: boolean;
  /** Acknowledges without storing. */
  forget?(n: number): boolean;
}

/** Starts one, ends it with the test. */
export async function startFakeGateway(t: Test, faults: Faults = {}): Promise<Target> {
  const profiles = new Map<string, object>();
  const userOf = new Map<WebSocket, string>();
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
  t.teardown(() => {
    for (const peer of server.clients) peer.terminate();
    server.close();
  });
  server.on("connection", (peer) => {
    const send = (...frame: unknown[]) => peer.send(JSON.stringify(frame));
    const update = (id: number, profile: { n: number }) => {
      const user = userOf.get(peer)!;
      if (!faults.forget?.(profile.n)) profiles.set(user, profile);
      for (const other of server.clients) {
        if (userOf.get(other) !== user || (other === peer && !faults.echoToSender)) continue;
        for (let times = faults.broadcasts?.(profile.n) ?? 1; times > 0; times--) {
          other.send(JSON.stringify(["user.updated", { id: user, profile }]));
        }
      }
      const outcome = faults.answer?.(profile.n) ?? "success";
      if (outcome === "success") send("success", id, {});
      else send("error", id, { code: outcome });
    };
    peer.on("message", (data) => {
      const [action, id, payload] = JSON.parse(data.toString());
      if (action === "authenticate") {
        userOf.set(peer, id.client_id);
        send("authenticated", { "user.config": { id: id.client_id } });
      } else if (action === "user.fetch") {
        send("success", id, { id: payload.id, profile: profiles.get(payload.id) ?? {} });
      } else update(id, payload.profile);
    });
  });
  await new Promise((resolve) => server.once("listening", resolve));
  return targetOfUrls([`ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws/world/w`]);
}
