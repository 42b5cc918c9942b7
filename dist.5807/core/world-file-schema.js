/** The shape of a world file (docs/protocol.md), and its faults by JSON path. */
import Type, {} from "typebox";
import { Compile } from "typebox/compile";
import { isStorable } from "./storable.js";
import { compileTokenKey } from "./tokens.js";
const optional = (schema) => Type.Optional(Type.Union([schema, Type.Null()]));
const texts = Type.Array(Type.String());
const object = Type.Record(Type.String(), Type.Unknown());
/** Of a role that is null nobody has it by traits: so some platforms' files say it. */
const traitGrants = Type.Record(Type.String(), optional(Type.Array(Type.Union([Type.String(), texts], { title: "a trait or an array of traits" }))));
const roles = Type.Record(Type.String(), texts);
const room = Type.Object({
    id: Type.String({ minLength: 1, maxLength: 200 }),
    name: Type.String(),
    description: optional(Type.String()),
    picture: optional(Type.String()),
    trait_grants: optional(traitGrants),
    modules: optional(Type.Array(Type.Object({ type: Type.String(), config: optional(object) }))),
    pretalx_id: optional(Type.Union([Type.String(), Type.Number()])),
    force_join: optional(Type.Boolean()),
    schedule_data: optional(object),
});
const worldFile = Type.Object({
    world: Type.Object({
        id: Type.String({ pattern: "^[a-z0-9-]{1,50}$" }),
        title: Type.String(),
        domain: optional(Type.String()),
        connection_limit: optional(Type.Integer({ minimum: 0 })),
        user_list: optional(Type.Object({
            page_size: optional(Type.Integer({ minimum: 1, maximum: 1000 })),
            search_min_chars: optional(Type.Integer({ minimum: 0 })),
        })),
        profile_fields: optional(Type.Array(Type.Object({
            id: Type.String(),
            label: optional(Type.String()),
            type: optional(Type.String()),
            searchable: optional(Type.Boolean()),
            network: optional(Type.String()),
        }))),
        trait_badges_map: optional(Type.Record(Type.String(), Type.String())),
        social_logins: optional(texts),
        return_origins: optional(texts),
        pretalx: optional(object),
        JWT_secrets: optional(Type.Array(object)),
        roles: optional(roles),
        trait_grants: optional(traitGrants),
    }),
    roles: optional(roles),
    trait_grants: optional(traitGrants),
    rooms: optional(Type.Array(room)),
});
/** Top-level keys that mean something. */
export const knownKeys = new Set(Object.keys(worldFile.properties));
const check = Compile(worldFile);
/**
 * Takes a world's settings out of the `config` block in which the platform's own API nests them. What stands beside
 * the block wins.
 */
export function unfoldConfig(file) {
    const config = configOf(file);
    if (config === null)
        return file;
    const { world, ...rest } = file;
    const { config: _, ...beside } = world;
    return { ...rest, world: { ...config, ...beside } };
}
function configOf(file) {
    const config = file?.world?.config;
    return typeof config === "object" && config !== null && !Array.isArray(config) ? config : null;
}
/** All that is wrong with a file; empty when it can be imported. */
export function findFaults(folded) {
    const faults = faultsOf(unfoldConfig(folded));
    const config = configOf(folded);
    if (config === null)
        return faults;
    const { world } = folded;
    // Where the key stands in the file as it was given.
    return faults.map(({ path, expected }) => {
        const [, key] = /^\$\.world\.([^.[]+)/.exec(path) ?? [];
        const isNested = key !== undefined && !Object.hasOwn(world, key) && Object.hasOwn(config, key);
        return { path: isNested ? path.replace("$.world.", "$.world.config.") : path, expected };
    });
}
function faultsOf(file) {
    const faults = check.Errors(file).map((error) => ({
        path: toPath(error.instancePath),
        expected: error.message.replace(/^must (be )?/, ""),
    }));
    // Every alternative of an optional key complains; the one about null is nobody's intention.
    const told = faults.filter(({ expected }) => !/\bnull\b|anyOf|match a schema/.test(expected));
    if (faults.length > 0)
        return unique(told.length > 0 ? told : faults);
    const { world, rooms } = file;
    const found = [];
    if (!isStorable(file))
        found.push({ path: "$", expected: "text without NUL and lone surrogates, at most 100 levels" });
    (world.JWT_secrets ?? []).forEach((entry, i) => {
        const key = compileTokenKey(entry);
        if (typeof key === "string")
            found.push({ path: `$.world.JWT_secrets[${i}]`, expected: key });
    });
    for (const [i, origin] of (world.return_origins ?? []).entries()) {
        if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
            found.push({
                path: `$.world.return_origins[${i}]`,
                expected: "an origin such as https://conf.example",
            });
        }
    }
    const seen = new Set();
    for (const [i, { id }] of (rooms ?? []).entries()) {
        if (seen.has(id))
            found.push({ path: `$.rooms[${i}].id`, expected: `another id: "${id}" is taken by an earlier room` });
        seen.add(id);
    }
    return found;
}
function unique(faults) {
    return [...new Map(faults.map((fault) => [`${fault.path} ${fault.expected}`, fault])).values()];
}
/** `/rooms/3/name` → `$.rooms[3].name` */
function toPath(pointer) {
    const steps = pointer.split("/").slice(1);
    return `$${steps.map((step) => (/^\d+$/.test(step) ? `[${step}]` : `.${step.replace(/~1/g, "/").replace(/~0/g, "~")}`)).join("")}`;
}
//# sourceMappingURL=world-file-schema.js.map