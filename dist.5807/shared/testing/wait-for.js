/** Waiting for what must come, with a deadline that says what didn't. */
/** Deadline of everything that a test waits for. */
const DEADLINE_MS = 10_000;
const LOOK_EVERY_MS = 10;
/**
 * Looks again and again until `condition` holds.
 *
 * @param what should happen, for the message when it doesn't
 */
export async function waitFor(what, condition, deadlineMs = DEADLINE_MS) {
    const end = performance.now() + deadlineMs;
    while (!(await condition())) {
        if (performance.now() > end)
            throw new Error(`waited ${deadlineMs} ms for ${what}`);
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
}
//# sourceMappingURL=wait-for.js.map