/** Why a gateway should get no new connections; in the words that an operator reads. */

/** What is looked at. */
export interface ReadinessFacts {
  isDraining: boolean;
  isCanarySilent: boolean;
  isFull: boolean;
  isLeaseHeld: boolean;
  /** What there is no way to or from in Redis, in words. */
  redisGaps: string[];
}

/** Empty when it is ready. */
export function notReadyReasons(facts: ReadinessFacts): string[] {
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
