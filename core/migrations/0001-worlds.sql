-- expand
-- Worlds and their rooms, as a world file describes them. Composite keys carry the world everywhere, so that no
-- row of one world can point into another.

create table worlds (
  id text primary key check (id ~ '^[a-z0-9-]{1,50}$'),
  -- Raised by every change of the world, its roles, grants or rooms.
  version bigint not null default 1,
  -- The "world" object of the file, all keys kept.
  settings jsonb not null check (jsonb_typeof(settings) = 'object'),
  roles jsonb not null check (jsonb_typeof(roles) = 'object'),
  trait_grants jsonb not null check (jsonb_typeof(trait_grants) = 'object'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table rooms (
  id uuid primary key default gen_random_uuid(),
  world_id text not null references worlds (id) on delete cascade,
  -- The room's id in the world file.
  import_id text not null,
  -- Its place in the world's order, from 0.
  position integer not null check (position >= 0),
  name text not null,
  description text not null default '',
  picture text,
  pretalx_id text,
  force_join boolean not null default false,
  schedule_data jsonb,
  trait_grants jsonb not null default '{}' check (jsonb_typeof(trait_grants) = 'object'),
  modules jsonb not null default '[]' check (jsonb_typeof(modules) = 'array'),
  unique (world_id, import_id),
  unique (world_id, id)
);
