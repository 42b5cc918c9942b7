/** Why a gateway should get no new connections; in the words that an operator reads. */

/** What is looked at. */
export interface ReadinessFacts {
  isDraining: boolean;
  isCanarySilent: boolean;
  isFull: boolean;
  isLeaseHeld: boolean;
  isRedisReady: boolean;
}

/** Empty when it is ready. */
export function notReadyReasons(facts: ReadinessFacts): string[] {
  const { isDraining, isCanarySilent, isFull, isLeaseHeld, isRedisReady } = facts;
  return [
    ...(isDraining ? ["draining"] : []),
    ...(isRedisReady ? [] : ["no Redis"]),
    ...(isCanarySilent
      ? ["canary older than 15 s: publish/subscribe does not deliver, or no worker runs"]
      : []),
    ...(isLeaseHeld ? [] : ["lease ran out"]),
    ...(isFull ? ["full"] : []),
  ];
}
