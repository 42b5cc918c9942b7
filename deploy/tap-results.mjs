/**
 * Reads the TAP of a test run line by line: tells the person which files went well and what failed, and counts.
 * tap's own reporters redraw the terminal, and print next to nothing where there is none.
 */

const POINT = /^( *)(not )?ok\b(?: \d+)?(?: - )?(.*?)(?: # time=([\d.]+)ms)?$/;
const SUBTEST = /^( *)# Subtest: (.*)$/;
/** Plans, comments, the version, empty lines. */
const SILENT = /^\s*(\d+\.\.\d+.*|#.*|TAP version \d+)?$/;
const INDENT = 4;

/**
 * What counts is a test point without others inside: an assertion, as a rule. A group or file that failed though
 * nothing inside it did (it crashed, it took too long) counts as one more.
 *
 * @param {(line: string) => void} print
 */
export function createTapReader(print) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  /** The same, when the file began. */
  let before = { ...total };
  /** @type {string[]} names of the subtests that are open, by depth */
  const names = [];
  /** @type {{ points: number, failed: number }[]} test points since the last one a level up, by depth */
  const levels = [];
  /** Where the details of a test point end, and whether they are shown. */
  let details;
  /** Details follow the point that they are of. */
  let lastPoint = { depth: 0, isShown: false };

  /** @param {number} depth */
  const level = (depth) => {
    levels[depth] ??= { points: 0, failed: 0 };
    return levels[depth];
  };

  const readPoint = ([, spaces, not, name, time]) => {
    const depth = spaces.length / INDENT;
    const inside = level(depth + 1);
    levels.length = depth + 1;
    const isSkipped = / # (SKIP|TODO)\b/i.test(` ${name}`);
    const isFailed = not !== undefined && !isSkipped;
    const counts = inside.points === 0 || (isFailed && inside.failed === 0);
    if (counts) total[isSkipped ? "skipped" : isFailed ? "failed" : "passed"]++;
    level(depth).points++;
    if (isFailed) level(depth).failed++;
    lastPoint = { depth, isShown: counts && isFailed };
    // A file has its own line, below.
    if (lastPoint.isShown && depth > 0) print(`\n✗ ${[...names.slice(0, depth), name].join(" › ")}`);
    if (depth === 0) {
      const [passed, failed] = [total.passed - before.passed, total.failed - before.failed];
      before = { ...total };
      print(
        `${isFailed ? "✗" : "✓"} ${name}: ${passed} passed, ${failed} failed, ${Math.round(time ?? 0)} ms`,
      );
    }
  };

  return {
    /** @param {string} line */
    read(line) {
      if (details !== undefined) {
        if (line === `${details}...`) details = undefined;
        else if (lastPoint.isShown) print(`  ${line.slice(details.length)}`);
        return;
      }
      const yaml = " ".repeat(lastPoint.depth * INDENT + 2);
      const subtest = SUBTEST.exec(line);
      const point = POINT.exec(line);
      if (line === `${yaml}---`) details = yaml;
      else if (subtest !== null) names[subtest[1].length / INDENT] = subtest[2];
      else if (point !== null) readPoint(point);
      else if (/^\s*Bail out!/.test(line)) {
        total.failed++;
        print(line.trim());
      } else if (!SILENT.test(line)) print(line);
    },
    /** What was counted until now. */
    total,
  };
}
