/** Accounts at social networks, and the secret that signs the links which lead there. */
import type { Queryable, Transaction } from "./database.ts";

/** The secret that a world's links are signed with; undefined when there is no such world. */
export async function selectLinkSecret(sql: Queryable, world: string): Promise<Buffer | undefined> {
  const rows = await sql<{ link_secret: Buffer }[]>`select link_secret from worlds where id = ${world}`;
  return rows[0]?.link_secret;
}

/** Connects a user to an account at a network, in place of the one connected before. */
export async function upsertSocialAccount(
  tx: Transaction,
  world: string,
  account: { user: string; network: string; externalId: string },
): Promise<void> {
  await tx`
    insert into social_accounts (world_id, user_id, network, external_id)
    values (${world}, ${account.user}, ${account.network}, ${account.externalId})
    on conflict (world_id, user_id, network)
      do update set external_id = excluded.external_id, connected_at = now()`;
}
