/**
 * Has Postgres look again at tables that grow fast. Its connections keep their plans, also those that check foreign
 * keys, until statistics change; and for an empty table any index that begins with the world is as good as the right
 * one. By the time that autovacuum looks, once a minute, a conference that opens has thousands of accounts, and each
 * statement would go through all of them.
 */
import type { Logger } from "../shared/log.ts";
import type { Sql } from "./sql/database.ts";
import { analyzeTable, selectOutgrownTables } from "./sql/statistics.ts";

interface PlannerStatisticsOptions {
  sql: Sql;
  log: Logger;
}

/** Commands after which tables are looked at: so few rows cost nothing, whatever the plan. */
const LOOK_AFTER = 200;
const LOOK_EVERY_MS = 500;

/** The statistics of what this worker writes. */
export class PlannerStatistics {
  readonly #options: PlannerStatisticsOptions;
  #commands = 0;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | null = null;

  constructor(options: PlannerStatisticsOptions) {
    this.#options = options;
  }

  /** Takes so many commands into account, some of which may have written rows. */
  ran(commands: number): void {
    this.#commands += commands;
    if (this.#commands < LOOK_AFTER || this.#looking !== null) return;
    const now = performance.now();
    if (now - this.#lookedAt < LOOK_EVERY_MS) return;
    this.#commands = 0;
    this.#lookedAt = now;
    this.#looking = this.look()
      .catch((error: Error) => {
        // The next look does it.
        this.#options.log.debug({ reason: error.message }, "statistics of tables not renewed");
      })
      .finally(() => {
        this.#looking = null;
      });
  }

  /** Resolves when no look is under way. */
  async idle(): Promise<void> {
    await this.#looking;
  }

  /** Looks now. @throws what Postgres does */
  async look(): Promise<void> {
    const { sql, log } = this.#options;
    for (const table of await selectOutgrownTables(sql)) {
      await analyzeTable(sql, table);
      log.debug({ table }, "statistics of a table renewed");
    }
  }
}
