/** `world.config`: what a client learns of its world, made once for each set of permissions. */
import type { WorldConfig } from "../shared/protocol/world-config.ts";
import type { Access } from "./permissions.ts";
import { type SharedText, sharedText, type World } from "./world.ts";

/** Keys of the world's settings that clients see, with what stands for an absent one. */
const visibleSettings = {
  pretalx: {},
  profile_fields: [],
  social_logins: [],
  onsite_traits: [],
  iframe_blockers: {},
} as const;

/** The `world.config` of somebody with this access, as JSON text. */
export function worldConfig(world: World, access: Access): SharedText {
  let config = world.configOfAccess.get(access);
  if (config === undefined) {
    config = configOf(world, access);
    world.configOfAccess.set(access, config);
  }
  return config;
}

/** The same text for all whose permissions are the same, whatever they have them by. */
function configOf(world: World, access: Access): SharedText {
  const key = JSON.stringify([[...access.world], [...access.rooms]]);
  const known = world.configMemo.get(key);
  if (known !== undefined) return known;
  if (world.configMemo.size >= 1_000) world.configMemo.clear();
  const config = sharedText(JSON.stringify(buildConfig(world, access)));
  world.configMemo.set(key, config);
  return config;
}

function buildConfig(world: World, access: Access): WorldConfig {
  const settings = Object.fromEntries(
    Object.entries(visibleSettings).map(([name, absent]) => [name, world.settings[name] ?? absent]),
  ) as Pick<WorldConfig["world"], keyof typeof visibleSettings>;
  const rooms = world.rooms.flatMap((room) => {
    const permissions = access.rooms.get(room.id) ?? [];
    if (!permissions.includes("room:view")) return [];
    return {
      id: room.id,
      name: room.name,
      description: room.description,
      picture: room.picture,
      import_id: room.import_id,
      pretalx_id: room.pretalx_id,
      permissions: [...permissions],
      force_join: room.force_join,
      schedule_data: room.schedule_data,
      modules: room.modules.map(visibleModule),
    };
  });
  return {
    world: { id: world.id, title: String(world.settings.title ?? world.id), ...settings },
    permissions: [...access.world],
    rooms,
  };
}

/** The settings of a call hold its server's secret, and a client needs none of them: it asks for a call's URL. */
function visibleModule(module: World["rooms"][number]["modules"][number]) {
  return { type: module.type, config: module.type.startsWith("call.") ? {} : module.config };
}
