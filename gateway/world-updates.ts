/**
 * `world.updated` for connected users, when their world changed or what they may see of it (docs/protocol.md); only
 * for those whose `world.config` is another now.
 */
import type { Logger } from "../shared/log.ts";
import type { FanOut } from "./fan-out.ts";
import type { Ask } from "./own-commands.ts";
import { type SharedTexts, sharedHash } from "./shared-texts.ts";
import { UserBatches } from "./user-batches.ts";
import type { Worlds } from "./worlds.ts";

interface WorldUpdatesOptions {
  ask: Ask;
  /** Asked late: it needs this to be made. */
  fanOut(): FanOut;
  texts: SharedTexts;
  worlds: Worlds;
  log: Logger;
  signal: AbortSignal;
}

/** A login that began so shortly before a change may have been answered by a worker that had not heard of it. */
const LOGIN_MARGIN_MS = 2_000;

/** Worlds whose last change is remembered. */
const MAX_WORLDS = 10_000;

export class WorldUpdates {
  readonly #options: WorldUpdatesOptions;
  readonly #batches: UserBatches;
  /** When a world last changed, by `performance.now()`. */
  readonly #changedAt = new Map<string, number>();

  constructor(options: WorldUpdatesOptions) {
    this.#options = options;
    const { log, signal } = options;
    this.#batches = new UserBatches({
      about: "world.updated",
      log,
      signal,
      ask: (world, users) => this.#ask(world, users),
    });
  }

  /** What one user may see has changed. */
  userChanged(world: string, user: string): void {
    this.#batches.add(world, [user]);
  }

  /** A world has changed, for all who are in it. */
  worldChanged(world: string): void {
    const { worlds, fanOut } = this.#options;
    worlds.drop(world);
    this.#changedAt.delete(world);
    this.#changedAt.set(world, performance.now());
    if (this.#changedAt.size > MAX_WORLDS) this.#changedAt.delete(this.#changedAt.keys().next().value!);
    this.#batches.add(world, fanOut().usersOf(world));
  }

  /** Somebody logged in with a command that began at `startedAt`, perhaps before a change was heard of here. */
  loggedIn(world: string, user: string, startedAt: number): void {
    const changedAt = this.#changedAt.get(world);
    if (changedAt === undefined) return;
    if (changedAt > startedAt - LOGIN_MARGIN_MS) this.#batches.add(world, [user]);
  }

  /** The link was lost: finds out which worlds have changed meanwhile. */
  async checkAll(): Promise<void> {
    const { worlds, fanOut, log } = this.#options;
    for (const world of fanOut().worlds()) {
      try {
        if ((await worlds.refresh(world)).changed) this.worldChanged(world);
      } catch (error) {
        // Nobody answers: whether it changed is not known, so that all are told what is so.
        log.warn({ reason: (error as Error).message }, "looking a world up failed");
        this.worldChanged(world);
      }
    }
  }

  async #ask(world: string, users: string[]): Promise<void> {
    const { ask, fanOut, texts } = this.#options;
    const present = users.filter((user) => fanOut().knownVersion(world, user) !== null);
    if (present.length === 0) return;
    const { users: news } = await ask(world, "gateway.world_updated", { users: present });
    for (const [user, parts] of news) {
      if (parts === null) {
        for (const connection of fanOut().connectionsOf(world, user)) connection.reload();
        continue;
      }
      const frame = await texts.assemble(parts);
      const config = sharedHash(parts);
      for (const connection of fanOut().connectionsOf(world, user)) {
        if (connection.config === config) continue;
        connection.config = config;
        connection.send(frame, "broadcast");
      }
    }
  }
}
