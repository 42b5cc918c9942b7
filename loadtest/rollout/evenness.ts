/** Whether things happen evenly over a time: pure. */

/**
 * Kolmogorov's distance from evenness: the most by which the share of what has happened differs from the share of the
 * time that has passed. 0 is perfectly even; all at once is 1, or the share of the time that was left.
 *
 * @param moments in the same unit as `length`, counted from the beginning; later ones count as at the end
 */
export function unevenness(moments: readonly number[], length: number): number {
  const shares = moments.map((moment) => Math.min(1, Math.max(0, moment / length))).sort((a, b) => a - b);
  return shares.reduce(
    (most, share, i) =>
      Math.max(most, Math.abs(share - i / shares.length), Math.abs(share - (i + 1) / shares.length)),
    0,
  );
}

/** The largest share that falls into one of so many equal parts of the time. */
export function largestShare(moments: readonly number[], length: number, parts: number): number {
  const counts = new Array<number>(parts).fill(0);
  for (const moment of moments) {
    const part = Math.min(parts - 1, Math.max(0, Math.floor((moment / length) * parts)));
    counts[part]!++;
  }
  return moments.length === 0 ? 0 : Math.max(...counts) / moments.length;
}

/** What chance alone makes of `count` even moments, but for once in a million times. */
export function chance(count: number): number {
  return 2.7 / Math.sqrt(Math.max(1, count));
}
