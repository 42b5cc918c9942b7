/** Whether a curve levels off: pure, so that it can be tried on curves that are known to leak, or not to. */
/** Pairs of points that are looked at, about: more change nothing and take quadratic time. */
const MAX_POINTS = 400;
/**
 * Fits a line to the second half, after warming up: the middle of the slopes of all pairs of points (Theil and Sen),
 * which single peaks do not move, nor the saw teeth of a garbage collector.
 */
export function judge(points, { share, plus }) {
    const half = secondHalf(points);
    const span = half.length < 2 ? 0 : half.at(-1).at - half[0].at;
    const rise = slope(thin(half)) * span;
    const allowed = share * Math.abs(middle(half.map(({ value }) => value))) + plus;
    return { rise, allowed, levels: rise <= allowed };
}
function secondHalf(points) {
    if (points.length === 0)
        return points;
    const from = (points[0].at + points.at(-1).at) / 2;
    return points.filter(({ at }) => at >= from);
}
function thin(points) {
    const every = Math.max(1, Math.ceil(points.length / MAX_POINTS));
    return points.filter((_, i) => i % every === 0);
}
function slope(points) {
    const slopes = [];
    for (const [i, a] of points.entries()) {
        for (const b of points.slice(i + 1))
            if (b.at > a.at)
                slopes.push((b.value - a.value) / (b.at - a.at));
    }
    return middle(slopes);
}
function middle(values) {
    const sorted = Float64Array.from(values).sort();
    return sorted.length === 0 ? 0 : sorted[sorted.length >> 1];
}
//# sourceMappingURL=level.js.map