/** Why a gateway should get no new connections; in the words that an operator reads. */
/** Empty when it is ready. */
export function notReadyReasons(facts) {
    const { isDraining, isCanarySilent, isFull, isLeaseHeld, redisGaps } = facts;
    return [
        ...(isDraining ? ["draining"] : []),
        ...(redisGaps.length === 0 ? [] : [`no Redis: ${redisGaps.join(", ")}`]),
        ...(isCanarySilent
            ? ["canary older than 15 s: publish/subscribe does not deliver, or no worker runs"]
            : []),
        ...(isLeaseHeld ? [] : ["lease ran out"]),
        ...(isFull ? ["full"] : []),
    ];
}
//# sourceMappingURL=readiness.js.map