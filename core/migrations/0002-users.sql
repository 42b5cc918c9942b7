-- expand
-- Accounts, what is granted to them, and invites to rooms.

create table users (
  id uuid primary key default gen_random_uuid(),
  world_id text not null references worlds (id) on delete cascade,
  type text not null default 'person' check (type in ('person', 'kiosk', 'anon')),
  -- What a guest's or an anonymous user's browser calls itself.
  client_id text check (char_length(client_id) between 1 and 200),
  -- The uid of the tokens that log in to this account.
  token_id text check (char_length(token_id) between 1 and 200),
  pretalx_id text,
  profile jsonb not null default '{}' check (jsonb_typeof(profile) = 'object'),
  client_state jsonb not null default '{}' check (jsonb_typeof(client_state) = 'object'),
  traits text[] not null default '{}',
  moderation_state text not null default '' check (moderation_state in ('', 'silenced', 'banned')),
  -- Raised by every change of what clients see, in the same statement.
  version bigint not null default 1,
  -- The place in the command streams of the command that wrote the value last: a command from before it, however
  -- late it comes, changes nothing (later wins). Compared as bytes.
  profile_position text collate "C" not null default '',
  client_state_position text collate "C" not null default '',
  moderation_position text collate "C" not null default '',
  traits_position text collate "C" not null default '',
  created_at timestamptz not null default now(),
  last_login_at timestamptz,
  deleted_at timestamptz,
  unique (world_id, id),
  unique (world_id, client_id),
  unique (world_id, token_id),
  unique (world_id, pretalx_id)
);

create table world_grants (
  world_id text not null,
  user_id uuid not null,
  role text not null,
  primary key (world_id, user_id, role),
  foreign key (world_id, user_id) references users (world_id, id) on delete cascade
);

create table room_grants (
  world_id text not null,
  user_id uuid not null,
  room_id uuid not null,
  role text not null,
  primary key (world_id, user_id, room_id, role),
  foreign key (world_id, user_id) references users (world_id, id) on delete cascade,
  foreign key (world_id, room_id) references rooms (world_id, id) on delete cascade
);

-- A room that goes takes its grants along without a scan.
create index room_grants_room on room_grants (world_id, room_id);

create table invites (
  world_id text not null references worlds (id) on delete cascade,
  token text not null,
  room_id uuid not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  primary key (world_id, token),
  foreign key (world_id, room_id) references rooms (world_id, id) on delete cascade
);

create index invites_room on invites (world_id, room_id);
