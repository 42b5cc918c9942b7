/** Rows that are fetched at once, as the statement says: at 32 KB a profile, and few have that, still no burden. */
const FETCH_ROWS = 250;
const columns = (sql) => sql `
  u.id, u.type, u.profile::text as profile, u.pretalx_id, u.token_id, u.traits, u.moderation_state,
  case when u.type = 'kiosk' then u.client_state::text else '{}' end as client_state,
  extract(epoch from u.last_login_at)::float8 * 1000 as last_login_at, false as deleted`;
const matches = (sql, world, { type, banned }) => sql `
  u.world_id = ${world} and u.type = ${type} and u.deleted_at is null
  and (${banned} or u.moderation_state <> 'banned')`;
/** The accounts that come after a place in the order of lists, each with its own place. */
export async function selectListed(sql, world, filter, after, limit) {
    const beyond = after === null
        ? sql ``
        : sql `and (u.list_name = '', u.list_name, u.id) > (${after.name === ""}, ${after.name}, ${after.id}::uuid)`;
    return await sql `
    select ${columns(sql)}, u.list_name from users u
    where ${matches(sql, world, filter)} ${beyond}
    order by (u.list_name = ''), u.list_name, u.id
    limit ${limit}`;
}
/**
 * Reads all of them through a cursor, as they are at one moment and in no order.
 *
 * @param take is given some at a time; the next are fetched once it resolves, unless to false
 */
export async function readListed(sql, world, filter, take) {
    await sql.begin("isolation level repeatable read read only", async (tx) => {
        // A client that takes its time is waited for between two fetches.
        await tx `set local idle_in_transaction_session_timeout = '30s'`;
        // Not the driver's own cursors: one whose link breaks between two fetches is never told so.
        await tx `
      declare listed no scroll cursor for
      select ${columns(tx)} from users u where ${matches(tx, world, filter)}`;
        for (let fetched = FETCH_ROWS; fetched === FETCH_ROWS;) {
            let users = [];
            // Row by row: what one query remembers, the next one keeps from the garbage collector for a while.
            await tx `fetch 250 from listed`.forEach((user) => {
                users.push(user);
            });
            fetched = users.length;
            if (fetched > 0 && !(await take(users)))
                return;
            users = [];
        }
    });
}
//# sourceMappingURL=user-lists.js.map