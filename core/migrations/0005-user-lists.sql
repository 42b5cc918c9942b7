-- expand
-- The order of `user.list`: names ignoring case, nameless accounts last, then the id.

-- A column rather than an index on the expression: a profile that changes without its name leaves the index alone.
-- Cut, since an index entry has its limit and a name has none.
alter table users add column list_name text not null
  generated always as (left(lower(coalesce(profile ->> 'display_name', '')), 200)) stored;

create index users_listed on users (world_id, type, (list_name = ''), list_name, id) where deleted_at is null;
