import t from "tap";
import { Lingering } from "../lingering.js";
t.test("what clients have not taken yet is kept after the close, up to 64 MiB of it", async (t) => {
    const lingering = new Lingering();
    const megabyte = 1024 * 1024;
    for (let i = 0; i < 64; i++)
        t.ok(lingering.admits(megabyte));
    t.notOk(lingering.admits(1), "the next is cut");
    t.ok(lingering.admits(0), "where nothing is left, nothing is kept");
});
//# sourceMappingURL=lingering.test.js.map