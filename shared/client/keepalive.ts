/** Notices a link that is open by name only: one that brings nothing, not even the answer to a ping. */

/** Within so many parts of the time: one to be quiet, one for the ping's answer, one because they are not aligned. */
const PARTS = 3;

interface KeepaliveOptions {
  /** Longest time until silence is noticed; 0 is never. */
  silenceMs: number;
  ping(): void;
  silent(): void;
}

/** A running watch. */
export interface Keepalive {
  /** Something came. */
  heard(): void;
  stop(): void;
}

/** Pings when nothing came for a while. A page that slept is asked again before it is given up. */
export function keepAlive({ silenceMs, ping, silent }: KeepaliveOptions): Keepalive {
  if (silenceMs === 0) return { heard() {}, stop() {} };
  let hasHeard = true;
  let isAsked = false;
  const timer = setInterval(() => {
    if (hasHeard) {
      hasHeard = false;
      isAsked = false;
    } else if (isAsked) {
      clearInterval(timer);
      silent();
    } else {
      isAsked = true;
      ping();
    }
  }, silenceMs / PARTS);
  return {
    heard() {
      hasHeard = true;
    },
    stop: () => clearInterval(timer),
  };
}
