-- expand
-- What happened: for people (audit_log) and for the cluster, which must not run a command twice (command_log).

create table audit_log (
  id bigint generated always as identity primary key,
  world_id text not null references worlds (id) on delete cascade,
  -- Who did it; null: an operator, or nobody.
  actor_id uuid,
  -- Whom it happened to.
  user_id uuid,
  event text not null,
  data jsonb not null default '{}',
  command_id text,
  created_at timestamptz not null default now(),
  foreign key (world_id, actor_id) references users (world_id, id) on delete cascade,
  foreign key (world_id, user_id) references users (world_id, id) on delete cascade
);

create index audit_log_user on audit_log (world_id, user_id, id);
create index audit_log_actor on audit_log (world_id, actor_id);

create table command_log (
  command_id text primary key,
  world_id text not null references worlds (id) on delete cascade,
  user_id uuid,
  -- Its place in the command streams; begins with ms since the epoch, so that age is read off it.
  position text collate "C" not null,
  -- What was answered: {"result": …} or {"error": …}.
  answer jsonb not null,
  created_at timestamptz not null default now()
);

-- The greatest position that the database knows, and pruning by age, are both found by it.
create index command_log_position on command_log (position);
create index command_log_world on command_log (world_id);
