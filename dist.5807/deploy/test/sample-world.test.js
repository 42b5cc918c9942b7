/** The sample world: it imports whole, and is what `npm start` and the README promise. */
import { readFileSync } from "node:fs";
import t from "tap";
import { builtInRoles } from "../../core/built-in-roles.js";
import { connectDatabase } from "../../core/sql/database.js";
import { exportWorld, importWorld } from "../../core/world-file.js";
import { findFaults } from "../../core/world-file-schema.js";
import { createLog } from "../../shared/log.js";
import { createTestStores } from "../../shared/testing/stores.js";
const file = JSON.parse(readFileSync(new URL("../worlds/sample.json", import.meta.url), "utf8"));
t.test("the sample world has no faults, carries no secret and has rooms of many kinds", async (t) => {
    t.strictSame(findFaults(file), []);
    t.equal(file.world.id, "sample");
    t.strictSame(file.world.JWT_secrets, []);
    t.ok(file.rooms.length >= 8);
    t.ok(file.rooms.every((room) => room.description && room.modules.length > 0));
});
t.test("its roles hold known permissions only, and are granted", async (t) => {
    const known = new Set(Object.values(builtInRoles).flat());
    t.strictSame(Object.keys(file.roles), ["attendee", "speaker", "moderator", "admin"]);
    for (const [role, permissions] of Object.entries(file.roles)) {
        t.strictSame(permissions.filter((permission) => !known.has(permission)), [], role);
    }
    t.strictSame(Object.keys(file.trait_grants), Object.keys(file.roles));
    t.strictSame(file.trait_grants.attendee, [], "guests are admitted");
    const grantedInRooms = file.rooms.flatMap((room) => Object.keys(room.trait_grants ?? {}));
    t.strictSame(grantedInRooms.filter((role) => file.roles[role] === undefined), []);
});
t.test("it imports, imports again, and exports to what it was", async (t) => {
    const stores = await createTestStores(t);
    const sql = connectDatabase(stores.databaseUrl, { max: 1, log: createLog("silent") });
    t.teardown(() => sql.end());
    const rooms = file.rooms.length;
    t.strictSame(await importWorld(sql, null, file), { world: "sample", created: true, rooms, skipped: [] });
    t.strictSame(await importWorld(sql, null, file), { world: "sample", created: false, rooms, skipped: [] });
    const exported = await exportWorld(sql, "sample");
    t.strictSame(exported?.world, file.world);
    t.match(exported?.rooms, file.rooms);
    t.strictSame(await importWorld(sql, null, exported), {
        world: "sample",
        created: false,
        rooms,
        skipped: [],
    });
});
//# sourceMappingURL=sample-world.test.js.map