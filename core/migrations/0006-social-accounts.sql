-- expand
-- Accounts at social networks that users have connected, and what links that lead there are signed with.

-- Made by the database, so that no world is ever without one; 244 random bits. It never leaves the workers.
alter table worlds add column link_secret bytea not null
  default uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());

create table social_accounts (
  world_id text not null,
  user_id uuid not null,
  network text not null,
  -- Who this is to the network. Two users may be the same person there: nothing is logged in to by it.
  external_id text not null check (char_length(external_id) between 1 and 200),
  connected_at timestamptz not null default now(),
  primary key (world_id, user_id, network),
  foreign key (world_id, user_id) references users (world_id, id) on delete cascade
);
