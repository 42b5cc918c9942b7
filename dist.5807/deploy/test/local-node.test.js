import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, {} from "tap";
import { startGuardian } from "../local/guardian.js";
import { LocalNode } from "../local/local-node.js";
const TIMES = 5;
/** Runs a program as a node that ends again and again; gives the pauses before it was started again. */
async function pausesOf(t, code) {
    const folder = mkdtempSync(join(tmpdir(), "foyer-local-node-"));
    const guardian = await startGuardian();
    const program = join(folder, "node.mjs");
    writeFileSync(program, code);
    const pauses = [];
    let enough = () => { };
    const ended = new Promise((resolve) => {
        enough = resolve;
    });
    const node = new LocalNode({
        name: "short-lived",
        program: [program],
        environment: { COUNT: join(folder, "count") },
        logFile: join(folder, "log"),
        guardian,
        onChange: () => { },
        onExit: (_reason, ms) => {
            if (pauses.push(ms) === TIMES)
                enough();
        },
    });
    t.teardown(async () => {
        await node.stop({ hasten: false, deadlineMs: 5_000 });
        await guardian.close();
        rmSync(folder, { recursive: true, force: true });
    });
    await node.start();
    await ended;
    return pauses;
}
const ready = `process.send({ type: "ready", id: "n", role: "core", opsPort: 1 }, () => process.exit(1));`;
t.test("a node that served is started again at once, however often it ends", async (t) => {
    const pauses = await pausesOf(t, ready);
    t.ok(pauses.every((ms) => ms <= 50), String(pauses));
});
t.test("one that ends before it serves is waited longer and longer for", async (t) => {
    const first = `import { existsSync, writeFileSync } from "node:fs";
    if (existsSync(process.env.COUNT)) process.exit(1);
    writeFileSync(process.env.COUNT, "");`;
    const pauses = await pausesOf(t, `${first}\n${ready}`);
    t.ok(pauses.at(-1) > 200, String(pauses));
});
//# sourceMappingURL=local-node.test.js.map