-- expand
-- Later wins, for the rest of what commands write: each value keeps the place of the command that wrote it last.

alter table users
  add column pretalx_id_position text collate "C" not null default '',
  -- Of the last reactivation. `moderation_position` is of the last command of any kind: a ban that only a silence
  -- has overtaken still counts, one from before a reactivation doesn't.
  add column reactivated_position text collate "C" not null default '';

alter table social_accounts add column position text collate "C" not null default '';

-- A block or a grant that is taken back has no row: the place of the last command about it stands here, whether it
-- is there or not. Only for as long as an older command may still come; the leader forgets it then, as it does
-- with commands. Nothing is read from here but the place: whom somebody blocks is in `blocks` alone.
create table tie_positions (
  world_id text not null,
  user_id uuid not null,
  -- What ties the account, as JSON: ["block", user], ["grant", role] or ["grant", role, room].
  tie text not null,
  position text collate "C" not null,
  primary key (world_id, user_id, tie),
  foreign key (world_id, user_id) references users (world_id, id) on delete cascade
);

-- Those to a deleted account, and old ones, are found by these.
create index tie_positions_tie on tie_positions (world_id, tie);
create index tie_positions_position on tie_positions (position);
