/** The world that a cluster of a run's own serves: a conference of 40 rooms, and nobody's limit of connections. */
import { randomBytes } from "node:crypto";
import type { SigningKey } from "./logins.ts";

const ROOMS = 40;

/** Makes one, with a key of its own. */
export function createWorld(): { file: object; key: SigningKey } {
  const key = { secret: randomBytes(24).toString("base64url"), issuer: "loadtest", audience: "load" };
  const rooms = Array.from({ length: ROOMS }, (_, i) => ({
    id: `room-${i}`,
    name: `Room ${i}`,
    description: `What is told in room ${i}, and who tells it. `.repeat(8),
    trait_grants: i % 10 === 9 ? { moderator: ["speaker"] } : {},
    modules: [
      { type: "livestream.native", config: { hls_url: `https://stream.example/${i}/index.m3u8` } },
      { type: "chat.native", config: { volatile: i % 2 === 0 } },
      { type: "question", config: { active: true } },
    ],
  }));
  const file = {
    world: {
      id: "load",
      title: "A conference of 40 rooms",
      user_list: { page_size: 20, search_min_chars: 0 },
      profile_fields: [
        { id: "organisation", label: "Organisation", type: "text", searchable: true },
        { id: "city", label: "City", type: "text", searchable: true },
      ],
      trait_badges_map: { speaker: "Speaker" },
      JWT_secrets: [{ ...key, algorithm: "HS256" }],
    },
    rooms,
  };
  return { file, key };
}
