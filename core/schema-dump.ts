/**
 * The schema of a database as SQL of one fixed form, for reading and comparing: `schema.sql` shows what all
 * migrations together come to. After a new one, with `DATABASE_URL` of a database that has it:
 * `npx tsx core/schema-dump.ts > core/schema.sql`
 */
import { fileURLToPath } from "node:url";
import { createLog } from "../shared/log.ts";
import { readSettings } from "../shared/settings.ts";
import { connectDatabase, type Sql } from "./sql/database.ts";

/** Tables, columns, functions, constraints, indexes and triggers of the schema `public`. */
export async function dumpSchema(sql: Sql): Promise<string> {
  const tables = [...(await selectTables(sql)), ...(await selectFunctions(sql))];
  const rest = [
    ...(await selectConstraints(sql)),
    ...(await selectIndexes(sql)),
    ...(await selectTriggers(sql)),
  ];
  return [
    "-- Made by core/schema-dump.ts from what the migrations come to: don't edit.",
    ...tables.map((statement) => `\n${statement};`),
    "",
    ...rest.map((statement) => `${statement};`),
    "",
  ].join("\n");
}

/** Tables with their columns in order. */
async function selectTables(sql: Sql): Promise<string[]> {
  const rows = await sql<{ statement: string }[]>`
    select 'create table ' || c.oid::regclass || e' (\n' || string_agg(concat_ws(' ',
        '  ' || quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
        'collate ' || quote_ident(l.collname),
        case when a.attnotnull then 'not null' end,
        case when a.attidentity <> '' then 'generated always as identity' end,
        'default ' || pg_get_expr(d.adbin, d.adrelid)), e',\n' order by a.attnum) || e'\n)' as statement
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
    left join pg_collation l on l.oid = a.attcollation and l.collname <> 'default'
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
    group by c.oid, c.relname
    order by c.relname collate "C"`;
  return rows.map((row) => row.statement);
}

/** Constraints, those that others refer to first. Columns say "not null" themselves. */
async function selectConstraints(sql: Sql): Promise<string[]> {
  const rows = await sql<{ statement: string }[]>`
    select 'alter table ' || c.conrelid::regclass || ' add constraint ' || quote_ident(c.conname) || ' '
      || pg_get_constraintdef(c.oid) as statement
    from pg_constraint c join pg_class t on t.oid = c.conrelid
    where c.connamespace = 'public'::regnamespace and c.contype <> 'n'
    order by c.contype = 'f', t.relname collate "C", c.conname collate "C"`;
  return rows.map((row) => row.statement);
}

/** Indexes that no constraint brings. */
async function selectIndexes(sql: Sql): Promise<string[]> {
  const rows = await sql<{ statement: string }[]>`
    select pg_get_indexdef(i.indexrelid) as statement
    from pg_index i join pg_class c on c.oid = i.indexrelid
    where c.relnamespace = 'public'::regnamespace
      and not exists (select from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x'))
    order by c.relname collate "C"`;
  return rows.map((row) => row.statement);
}

/** Functions, but for those of extensions. */
async function selectFunctions(sql: Sql): Promise<string[]> {
  const rows = await sql<{ statement: string }[]>`
    select rtrim(pg_get_functiondef(p.oid), e'\\n') as statement
    from pg_proc p
    where p.pronamespace = 'public'::regnamespace and p.prokind = 'f'
      and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
    order by p.proname collate "C", p.oid::regprocedure::text collate "C"`;
  return rows.map((row) => row.statement);
}

/** Triggers, but for those of constraints. */
async function selectTriggers(sql: Sql): Promise<string[]> {
  const rows = await sql<{ statement: string }[]>`
    select pg_get_triggerdef(g.oid) as statement
    from pg_trigger g join pg_class c on c.oid = g.tgrelid
    where c.relnamespace = 'public'::regnamespace and not g.tgisinternal
    order by c.relname collate "C", g.tgname collate "C"`;
  return rows.map((row) => row.statement);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  // biome-ignore lint/style/noProcessEnv: run by itself, this file is a main program
  const { DATABASE_URL } = readSettings(process.env, ["DATABASE_URL"]);
  const sql = connectDatabase(DATABASE_URL, { max: 1, log: createLog("silent") });
  process.stdout.write(await dumpSchema(sql));
  await sql.end();
}
