/** Replaces nodes one after the other, as a Deployment does with `maxSurge: 1` and `maxUnavailable: 0`. */
import type { TestNode } from "../../shared/testing/node.ts";

/** A node that was replaced. */
export interface Replaced<N extends TestNode> {
  old: N;
  fresh: N;
  /** When it was told to end, by `performance.now()`, and how long that took, in ms. */
  toldAt: number;
  tookMs: number;
}

interface ReplaceOptions<N extends TestNode> {
  nodes: readonly N[];
  /** Resolves once it is ready. */
  start(): Promise<N>;
  started?(fresh: N): void;
  gone?(old: N): void;
}

/** @throws Error when one does not end by itself */
export async function replaceAll<N extends TestNode>(options: ReplaceOptions<N>): Promise<Replaced<N>[]> {
  const replaced: Replaced<N>[] = [];
  for (const old of options.nodes) {
    const fresh = await options.start();
    options.started?.(fresh);
    const toldAt = performance.now();
    const status = await old.stop();
    if (status !== 0) throw new Error(`node ${old.id} ended with ${status}`);
    options.gone?.(old);
    replaced.push({ old, fresh, toldAt, tookMs: performance.now() - toldAt });
  }
  return replaced;
}
