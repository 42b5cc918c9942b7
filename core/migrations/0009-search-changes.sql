-- expand
-- What changed of a world's entries since somebody looked (docs/search.md): each carries the transaction that wrote
-- it last, so that a worker, which keeps them in memory, reads before each search just what it does not know yet.

alter table search_entries add column changed xid8 not null default '0';
alter table search_entries alter column changed set default pg_current_xact_id();

create index search_entries_changed on search_entries (world_id, changed, user_id);

-- Accounts that were found once and had to be forgotten. One that is found again has an entry, which counts.
create table search_gone (
  world_id text not null,
  user_id uuid not null,
  changed xid8 not null default pg_current_xact_id(),
  primary key (world_id, user_id),
  foreign key (world_id, user_id) references users (world_id, id) on delete cascade
);

create index search_gone_changed on search_gone (world_id, changed, user_id);

create or replace function search_enter_changed() returns trigger language plpgsql as $$
begin
  if not is_searchable(new.type, new.profile, new.deleted_at) then
    delete from search_entries where world_id = new.world_id and user_id = new.id;
    if found then
      insert into search_gone (world_id, user_id) values (new.world_id, new.id)
      on conflict (world_id, user_id) do update set changed = excluded.changed;
    end if;
    return null;
  end if;
  perform pg_advisory_xact_lock_shared(search_lock(new.world_id));
  insert into search_entries as e (world_id, user_id, name, more, badges, banned)
  select new.world_id, new.id, t.name, t.more, t.badges, new.moderation_state = 'banned'
  from worlds w cross join lateral search_texts(new.profile, new.traits, w.search_fields, w.search_badges) t
  where w.id = new.world_id
  on conflict (world_id, user_id) do update
    set name = excluded.name, more = excluded.more, badges = excluded.badges, banned = excluded.banned,
      changed = excluded.changed
    where (e.name, e.more, e.badges, e.banned)
      is distinct from (excluded.name, excluded.more, excluded.badges, excluded.banned);
  return null;
end $$;

create or replace function search_enter_world() returns trigger language plpgsql as $$
begin
  -- Writers that began with the old settings end first; later ones see the new.
  perform pg_advisory_xact_lock(search_lock(new.id));
  update search_entries e set more = t.more, badges = t.badges, changed = pg_current_xact_id()
  from users u
    cross join lateral search_texts(u.profile, u.traits, new.search_fields, new.search_badges) t
  where e.world_id = new.id and u.world_id = new.id and u.id = e.user_id
    and (e.more, e.badges) is distinct from (t.more, t.badges);
  return null;
end $$;
