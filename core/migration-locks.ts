/**
 * What a migration locks of the tables that are there before it, read off its text: whoever plans a deploy wants to
 * know what waits meanwhile, and must not take the locks to find out. `test/migration-plan.test.ts` compares it with
 * the locks that Postgres really takes.
 */

/** Postgres' lock modes that hold somebody up, the weakest first, and who waits for them. */
export const lockModes = {
  "share update exclusive": "vacuum",
  share: "writes",
  "share row exclusive": "writes",
  exclusive: "writes",
  "access exclusive": "reads and writes",
} as const;

/** A mode that holds somebody up. */
export type LockMode = keyof typeof lockModes;

/** One table that a migration locks. */
export interface TableLock {
  table: string;
  mode: LockMode;
}

/** What is known of a migration's locks. */
export interface MigrationLocks {
  locks: TableLock[];
  /** Beginnings of statements that nobody has told this module about: look at the file. */
  unknown: string[];
}

/** The lock of each kind of statement; the table's name is the group. The first that fits counts. */
const statements: readonly [form: RegExp, mode: LockMode | null][] = [
  [/^alter table (?:if exists )?(?:only )?(\w+) validate constraint \w+$/, "share update exclusive"],
  [/^alter table (?:if exists )?(?:only )?(\w+)/, "access exclusive"],
  [/^create (?:unique )?index (?:if not exists )?\w+ on (?:only )?(\w+)/, "share"],
  [
    /^create (?:or replace )?(?:constraint )?trigger .*? on (\w+) (?:for|referencing|when|not|deferrable|from)/,
    "share row exclusive",
  ],
  [/^drop trigger (?:if exists )?\w+ on (\w+)/, "access exclusive"],
  [/^drop table (?:if exists )?(\w+)/, "access exclusive"],
  [/^lock table (?:only )?(\w+) in access exclusive mode/, "access exclusive"],
  // It does not say of which table it is: the migration locks that by its name first.
  [/^drop index /, null],
  // Rows are locked at the most, or nothing that a node uses.
  [/^(?:insert into|update|delete from|select|with|comment on|alter index) /, null],
  [
    /^(?:create|drop|alter) (?:or replace )?(?:table|function|extension|type|sequence|view|statistics|schema)/,
    null,
  ],
];

const modes = Object.keys(lockModes) as LockMode[];

/** Reads a migration. @param sql its text, as plain as migrations here are: unquoted names, no schemas */
export function locksOf(sql: string): MigrationLocks {
  const found = new Map<string, LockMode>();
  const made = new Set<string>();
  const unknown: string[] = [];
  const note = (table: string, mode: LockMode) => {
    const before = found.get(table);
    if (before === undefined || modes.indexOf(mode) > modes.indexOf(before)) found.set(table, mode);
  };
  for (const statement of splitStatements(sql)) {
    const [, table] = /^create table (?:if not exists )?(\w+)/.exec(statement) ?? [];
    if (table !== undefined) made.add(table);
    if (/^(?:create|alter) table /.test(statement)) {
      // A foreign key is a trigger on both sides.
      for (const [, other] of statement.matchAll(/\breferences (\w+)/g)) note(other!, "share row exclusive");
    }
    const kind = statements.find(([form]) => form.test(statement));
    if (kind === undefined) unknown.push(statement.slice(0, 60));
    else if (kind[1] !== null) note(kind[0].exec(statement)![1]!, kind[1]);
  }
  const locks = [...found].filter(([table]) => !made.has(table)).map(([table, mode]) => ({ table, mode }));
  return { locks: locks.sort((a, b) => (a.table < b.table ? -1 : 1)), unknown };
}

/** Statements in lower case, one space between words, without comments and without what stands in quotes. */
function splitStatements(sql: string): string[] {
  return sql
    .replace(/\$(\w*)\$.*?\$\1\$|'(?:[^']|'')*'|--[^\n]*/gs, (text) => (text.startsWith("--") ? "" : "''"))
    .split(";")
    .map((statement) => statement.replace(/\s+/g, " ").trim().toLowerCase())
    .filter((statement) => statement !== "");
}
