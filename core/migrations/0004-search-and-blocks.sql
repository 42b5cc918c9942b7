-- expand
-- What `user.list.search` reads, kept by triggers in the transaction of whoever writes an account (docs/search.md);
-- and who blocks whom.

create table blocks (
  world_id text not null,
  user_id uuid not null,
  blocked_id uuid not null check (blocked_id <> user_id),
  created_at timestamptz not null default now(),
  primary key (world_id, user_id, blocked_id),
  foreign key (world_id, user_id) references users (world_id, id) on delete cascade,
  foreign key (world_id, blocked_id) references users (world_id, id) on delete cascade
);

-- An account that goes takes along what others hold against it, without a scan.
create index blocks_blocked on blocks (world_id, blocked_id);

-- A text as search compares it. By ICU's rules, as the database's own locale may know ASCII alone; a final sigma is
-- a sigma; and U+0001 stays free to stand between texts.
create function search_fold(value text) returns text
  language sql immutable strict parallel safe
  as $$ select translate(lower(value collate "und-x-icu"), U&'\03C2\0001', U&'\03C3\FFFD') collate "C" $$;

-- What a world says about searching: ids of searchable profile fields, and {trait: badge}.
alter table worlds
  add column search_fields jsonb not null generated always as (
    jsonb_path_query_array(settings, '$.profile_fields[*] ? (@.searchable == true).id ? (@.type() == "string")')
  ) stored,
  add column search_badges jsonb not null generated always as (
    case when jsonb_typeof(settings -> 'trait_badges_map') = 'object' then settings -> 'trait_badges_map' else '{}' end
  ) stored;

-- The accounts that can be found. Apart from `users`, whose rows every login writes: that would keep the index
-- below from being read alone.
create table search_entries (
  world_id text not null,
  user_id uuid not null,
  -- The display name, folded; cut, since an index entry has its limit.
  name text collate "C" not null,
  -- The searchable profile fields, folded, U+0001 between them; first the whole name where that was cut.
  more text collate "C",
  -- U+0001 before, between and after.
  badges text collate "C",
  banned boolean not null,
  -- The same as far as an index entry can hold it; U+0001 alone: too long, look at the row.
  short_more text collate "C" generated always as (
    case when octet_length(more) > 1000 then U&'\0001' else more end
  ) stored,
  short_badges text collate "C" generated always as (
    case when octet_length(badges) > 500 then U&'\0001' else badges end
  ) stored,
  primary key (world_id, user_id),
  foreign key (world_id, user_id) references users (world_id, id) on delete cascade
) with (
  -- Pages that a vacuum has seen are read from the index alone.
  autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_insert_scale_factor = 0.01
);

-- What an account can be found by without reading all: its characters and pairs of them, and its badges, each with
-- the world before it. Beyond 4,000 characters a text is not taken apart: U+0001 twice marks such an account.
create function search_tokens(world text, name text, more text, badges text) returns text[]
  language sql immutable parallel safe
  as $$
    select array(
      select world || ':' || token
      from (
        select a, a || lead(a) over () as ab
        from string_to_table(concat_ws(U&'\0001', name, left(more, 4000)), null) a
      ) pairs cross join lateral (values (a), (ab)) tokens (token)
      where token is not null
    )
    || array(select world || ':' || U&'\0001' || left(b, 100) from string_to_table(trim(U&'\0001' from badges), U&'\0001') b)
    || case when char_length(more) > 4000 then array[world || ':' || U&'\0001\0001'] else '{}' end
  $$;

-- Whether an account can be found at all.
create function is_searchable(type text, profile jsonb, deleted_at timestamptz) returns boolean
  language sql immutable parallel safe
  as $$
    select type = 'person' and deleted_at is null
      and coalesce(jsonb_typeof(profile -> 'display_name') = 'string' and profile ->> 'display_name' <> '', false)
  $$;

-- The texts of an account's entry.
create function search_texts(
  profile jsonb, traits text[], search_fields jsonb, search_badges jsonb,
  out name text, out more text, out badges text
)
  language sql immutable parallel safe
  as $$
    select left(folded, 200),
      case when char_length(folded) > 200 or search_fields <> '[]' then (
        select string_agg(part, U&'\0001' order by place) from (
          select 0 as place, folded as part where char_length(folded) > 200
          union all
          select place, search_fold(profile -> 'fields' ->> id)
          from jsonb_array_elements_text(search_fields) with ordinality as f (id, place)
          where jsonb_typeof(profile -> 'fields' -> id) = 'string'
        ) parts
      ) end,
      case when traits <> '{}' and search_badges <> '{}' then (
        select U&'\0001' || string_agg(distinct search_badges ->> trait, U&'\0001') || U&'\0001'
        from unnest(traits) trait
      ) end
    from search_fold(profile ->> 'display_name') folded
  $$;

-- Held shared by whoever writes entries of a world, and alone by who makes all of them anew.
create function search_lock(world text) returns bigint
  language sql immutable strict parallel safe
  as $$ select hashtextextended('foyer search ' || world, 0) $$;

create function search_enter_new() returns trigger language plpgsql as $$
begin
  perform pg_advisory_xact_lock_shared(search_lock(world_id))
  from (select distinct world_id from made where is_searchable(type, profile, deleted_at)) m;
  if not found then return null; end if;
  insert into search_entries (world_id, user_id, name, more, badges, banned)
  select m.world_id, m.id, t.name, t.more, t.badges, m.moderation_state = 'banned'
  from made m join worlds w on w.id = m.world_id
    cross join lateral search_texts(m.profile, m.traits, w.search_fields, w.search_badges) t
  where is_searchable(m.type, m.profile, m.deleted_at);
  return null;
end $$;

create function search_enter_changed() returns trigger language plpgsql as $$
begin
  if not is_searchable(new.type, new.profile, new.deleted_at) then
    delete from search_entries where world_id = new.world_id and user_id = new.id;
    return null;
  end if;
  perform pg_advisory_xact_lock_shared(search_lock(new.world_id));
  insert into search_entries as e (world_id, user_id, name, more, badges, banned)
  select new.world_id, new.id, t.name, t.more, t.badges, new.moderation_state = 'banned'
  from worlds w cross join lateral search_texts(new.profile, new.traits, w.search_fields, w.search_badges) t
  where w.id = new.world_id
  on conflict (world_id, user_id) do update
    set name = excluded.name, more = excluded.more, badges = excluded.badges, banned = excluded.banned
    where (e.name, e.more, e.badges, e.banned)
      is distinct from (excluded.name, excluded.more, excluded.badges, excluded.banned);
  return null;
end $$;

create function search_enter_world() returns trigger language plpgsql as $$
begin
  -- Writers that began with the old settings end first; later ones see the new.
  perform pg_advisory_xact_lock(search_lock(new.id));
  update search_entries e set more = t.more, badges = t.badges
  from users u
    cross join lateral search_texts(u.profile, u.traits, new.search_fields, new.search_badges) t
  where e.world_id = new.id and u.world_id = new.id and u.id = e.user_id
    and (e.more, e.badges) is distinct from (t.more, t.badges);
  return null;
end $$;

create trigger users_search_new after insert on users
  referencing new table as made
  for each statement execute function search_enter_new();

create trigger users_search_changed after update of type, profile, traits, moderation_state, deleted_at on users
  for each row
  when (old.type <> new.type or old.profile <> new.profile or old.traits <> new.traits
    or old.moderation_state <> new.moderation_state or old.deleted_at is distinct from new.deleted_at)
  execute function search_enter_changed();

create trigger worlds_search after update on worlds
  for each row
  when (old.search_fields <> new.search_fields or old.search_badges <> new.search_badges)
  execute function search_enter_world();

insert into search_entries (world_id, user_id, name, more, badges, banned)
select u.world_id, u.id, t.name, t.more, t.badges, u.moderation_state = 'banned'
from users u join worlds w on w.id = u.world_id
  cross join lateral search_texts(u.profile, u.traits, w.search_fields, w.search_badges) t
where is_searchable(u.type, u.profile, u.deleted_at);

-- The order of the results, with all that decides about one: a page far down is counted off from this alone.
create index search_entries_order on search_entries (world_id, name, user_id)
  include (short_more, short_badges, banned);

-- Of changes to come, which are gathered since many at once cost a fifth, every search reads the list: a short one.
create index search_entries_tokens on search_entries using gin (search_tokens(world_id, name, more, badges))
  with (fastupdate = on, gin_pending_list_limit = 256);

-- Working out tokens for statistics costs much, and nobody plans by them.
alter index search_entries_tokens alter column 1 set statistics 0;
