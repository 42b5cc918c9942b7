-- Made by core/schema-dump.ts from what the migrations come to: don't edit.

create table audit_log (
  id bigint not null generated always as identity,
  world_id text not null,
  actor_id uuid,
  user_id uuid,
  event text not null,
  data jsonb not null default '{}'::jsonb,
  command_id text,
  created_at timestamp with time zone not null default now()
);

create table blocks (
  world_id text not null,
  user_id uuid not null,
  blocked_id uuid not null,
  created_at timestamp with time zone not null default now()
);

create table command_log (
  command_id text not null,
  world_id text not null,
  user_id uuid,
  "position" text collate "C" not null,
  answer jsonb not null,
  created_at timestamp with time zone not null default now()
);

create table invites (
  world_id text not null,
  token text not null,
  room_id uuid not null,
  created_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null
);

create table migrations (
  number integer not null,
  name text not null,
  applied_at timestamp with time zone not null default now()
);

create table room_grants (
  world_id text not null,
  user_id uuid not null,
  room_id uuid not null,
  role text not null
);

create table rooms (
  id uuid not null default gen_random_uuid(),
  world_id text not null,
  import_id text not null,
  "position" integer not null,
  name text not null,
  description text not null default ''::text,
  picture text,
  pretalx_id text,
  force_join boolean not null default false,
  schedule_data jsonb,
  trait_grants jsonb not null default '{}'::jsonb,
  modules jsonb not null default '[]'::jsonb
);

create table search_entries (
  world_id text not null,
  user_id uuid not null,
  name text collate "C" not null,
  more text collate "C",
  badges text collate "C",
  banned boolean not null,
  short_more text collate "C" generated always as (
CASE
    WHEN (octet_length(more) > 1000) THEN ''::text
    ELSE more
END) stored,
  short_badges text collate "C" generated always as (
CASE
    WHEN (octet_length(badges) > 500) THEN ''::text
    ELSE badges
END) stored,
  changed xid8 not null default pg_current_xact_id()
);

create table search_gone (
  world_id text not null,
  user_id uuid not null,
  changed xid8 not null default pg_current_xact_id()
);

create table social_accounts (
  world_id text not null,
  user_id uuid not null,
  network text not null,
  external_id text not null,
  connected_at timestamp with time zone not null default now(),
  "position" text collate "C" not null default ''::text
);

create table tie_positions (
  world_id text not null,
  user_id uuid not null,
  tie text not null,
  "position" text collate "C" not null
);

create table users (
  id uuid not null default gen_random_uuid(),
  world_id text not null,
  type text not null default 'person'::text,
  client_id text,
  token_id text,
  pretalx_id text,
  profile jsonb not null default '{}'::jsonb,
  client_state jsonb not null default '{}'::jsonb,
  traits text[] not null default '{}'::text[],
  moderation_state text not null default ''::text,
  version bigint not null default 1,
  profile_position text collate "C" not null default ''::text,
  client_state_position text collate "C" not null default ''::text,
  moderation_position text collate "C" not null default ''::text,
  traits_position text collate "C" not null default ''::text,
  created_at timestamp with time zone not null default now(),
  last_login_at timestamp with time zone,
  deleted_at timestamp with time zone,
  list_name text not null generated always as ("left"(lower(COALESCE((profile ->> 'display_name'::text), ''::text)), 200)) stored,
  pretalx_id_position text collate "C" not null default ''::text,
  reactivated_position text collate "C" not null default ''::text,
  cut_off_version bigint not null default 0
);

create table world_grants (
  world_id text not null,
  user_id uuid not null,
  role text not null
);

create table worlds (
  id text not null,
  version bigint not null default 1,
  settings jsonb not null,
  roles jsonb not null,
  trait_grants jsonb not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  search_fields jsonb not null generated always as (jsonb_path_query_array(settings, '$."profile_fields"[*]?(@."searchable" == true)."id"?(@.type() == "string")'::jsonpath)) stored,
  search_badges jsonb not null generated always as (
CASE
    WHEN (jsonb_typeof((settings -> 'trait_badges_map'::text)) = 'object'::text) THEN (settings -> 'trait_badges_map'::text)
    ELSE '{}'::jsonb
END) stored,
  link_secret bytea not null default (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
);

CREATE OR REPLACE FUNCTION public.is_searchable(type text, profile jsonb, deleted_at timestamp with time zone)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
    select type = 'person' and deleted_at is null
      and coalesce(jsonb_typeof(profile -> 'display_name') = 'string' and profile ->> 'display_name' <> '', false)
  $function$;

CREATE OR REPLACE FUNCTION public.keep_audit_log()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
  kept audit_log;
begin
  if tg_op = 'DELETE' then
    if not exists (select from worlds where id = old.world_id) then
      return old;
    end if;
  else
    kept := new;
    kept.data := old.data;
    if kept is not distinct from old and coalesce(new.data -> 'redacted', 'true') = 'true'
      and new.data - 'redacted' <@ old.data
    then
      return new;
    end if;
  end if;
  raise exception 'audit_log is append-only' using errcode = 'restrict_violation';
end
$function$;

CREATE OR REPLACE FUNCTION public.search_enter_changed()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
end $function$;

CREATE OR REPLACE FUNCTION public.search_enter_new()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
end $function$;

CREATE OR REPLACE FUNCTION public.search_enter_world()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  -- Writers that began with the old settings end first; later ones see the new.
  perform pg_advisory_xact_lock(search_lock(new.id));
  update search_entries e set more = t.more, badges = t.badges, changed = pg_current_xact_id()
  from users u
    cross join lateral search_texts(u.profile, u.traits, new.search_fields, new.search_badges) t
  where e.world_id = new.id and u.world_id = new.id and u.id = e.user_id
    and (e.more, e.badges) is distinct from (t.more, t.badges);
  return null;
end $function$;

CREATE OR REPLACE FUNCTION public.search_fold(value text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$ select translate(lower(value collate "und-x-icu"), U&'\03C2\0001', U&'\03C3\FFFD') collate "C" $function$;

CREATE OR REPLACE FUNCTION public.search_lock(world text)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$ select hashtextextended('foyer search ' || world, 0) $function$;

CREATE OR REPLACE FUNCTION public.search_texts(profile jsonb, traits text[], search_fields jsonb, search_badges jsonb, OUT name text, OUT more text, OUT badges text)
 RETURNS record
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE
AS $function$
  declare
    folded text := search_fold(profile ->> 'display_name');
    fields jsonb := profile -> 'fields';
    field text;
  begin
    name := left(folded, 200);
    if char_length(folded) > 200 then more := folded; end if;
    for i in 0 .. jsonb_array_length(search_fields) - 1 loop
      field := search_fields ->> i;
      if jsonb_typeof(fields -> field) = 'string' then
        more := concat_ws(U&'\0001', more, search_fold(fields ->> field));
      end if;
    end loop;
    if traits <> '{}' and search_badges <> '{}' then
      select U&'\0001' || string_agg(distinct search_badges ->> trait, U&'\0001') || U&'\0001'
      into badges from unnest(traits) trait;
    end if;
  end $function$;

CREATE OR REPLACE FUNCTION public.search_tokens(world text, name text, more text, badges text)
 RETURNS text[]
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
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
  $function$;

CREATE OR REPLACE FUNCTION public.touch_granted()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if tg_op <> 'INSERT' then
    update users set version = version where world_id = old.world_id and id = old.user_id;
  end if;
  if tg_op <> 'DELETE' then
    update users set version = version where world_id = new.world_id and id = new.user_id;
  end if;
  return null;
end $function$;

alter table audit_log add constraint audit_log_pkey PRIMARY KEY (id);
alter table blocks add constraint blocks_check CHECK ((blocked_id <> user_id));
alter table blocks add constraint blocks_pkey PRIMARY KEY (world_id, user_id, blocked_id);
alter table command_log add constraint command_log_pkey PRIMARY KEY (command_id);
alter table invites add constraint invites_pkey PRIMARY KEY (world_id, token);
alter table migrations add constraint migrations_pkey PRIMARY KEY (number);
alter table room_grants add constraint room_grants_pkey PRIMARY KEY (world_id, user_id, room_id, role);
alter table rooms add constraint rooms_modules_check CHECK ((jsonb_typeof(modules) = 'array'::text));
alter table rooms add constraint rooms_pkey PRIMARY KEY (id);
alter table rooms add constraint rooms_position_check CHECK (("position" >= 0));
alter table rooms add constraint rooms_trait_grants_check CHECK ((jsonb_typeof(trait_grants) = 'object'::text));
alter table rooms add constraint rooms_world_id_id_key UNIQUE (world_id, id);
alter table rooms add constraint rooms_world_id_import_id_key UNIQUE (world_id, import_id);
alter table search_entries add constraint search_entries_pkey PRIMARY KEY (world_id, user_id);
alter table search_gone add constraint search_gone_pkey PRIMARY KEY (world_id, user_id);
alter table social_accounts add constraint social_accounts_external_id_check CHECK (((char_length(external_id) >= 1) AND (char_length(external_id) <= 200)));
alter table social_accounts add constraint social_accounts_pkey PRIMARY KEY (world_id, user_id, network);
alter table tie_positions add constraint tie_positions_pkey PRIMARY KEY (world_id, user_id, tie);
alter table users add constraint users_client_id_check CHECK (((char_length(client_id) >= 1) AND (char_length(client_id) <= 200)));
alter table users add constraint users_client_state_check CHECK ((jsonb_typeof(client_state) = 'object'::text));
alter table users add constraint users_moderation_state_check CHECK ((moderation_state = ANY (ARRAY[''::text, 'silenced'::text, 'banned'::text])));
alter table users add constraint users_profile_check CHECK ((jsonb_typeof(profile) = 'object'::text));
alter table users add constraint users_token_id_check CHECK (((char_length(token_id) >= 1) AND (char_length(token_id) <= 200)));
alter table users add constraint users_type_check CHECK ((type = ANY (ARRAY['person'::text, 'kiosk'::text, 'anon'::text])));
alter table users add constraint users_world_id_client_id_key UNIQUE (world_id, client_id);
alter table users add constraint users_world_id_id_key UNIQUE (world_id, id);
alter table users add constraint users_world_id_pretalx_id_key UNIQUE (world_id, pretalx_id);
alter table users add constraint users_world_id_token_id_key UNIQUE (world_id, token_id);
alter table world_grants add constraint world_grants_pkey PRIMARY KEY (world_id, user_id, role);
alter table worlds add constraint worlds_id_check CHECK ((id ~ '^[a-z0-9-]{1,50}$'::text));
alter table worlds add constraint worlds_pkey PRIMARY KEY (id);
alter table worlds add constraint worlds_roles_check CHECK ((jsonb_typeof(roles) = 'object'::text));
alter table worlds add constraint worlds_settings_check CHECK ((jsonb_typeof(settings) = 'object'::text));
alter table worlds add constraint worlds_trait_grants_check CHECK ((jsonb_typeof(trait_grants) = 'object'::text));
alter table audit_log add constraint audit_log_world_id_actor_id_fkey FOREIGN KEY (world_id, actor_id) REFERENCES users(world_id, id) ON DELETE CASCADE;
alter table audit_log add constraint audit_log_world_id_fkey FOREIGN KEY (world_id) REFERENCES worlds(id) ON DELETE CASCADE;
alter table audit_log add constraint audit_log_world_id_user_id_fkey FOREIGN KEY (world_id, user_id) REFERENCES users(world_id, id) ON DELETE CASCADE;
alter table blocks add constraint blocks_world_id_blocked_id_fkey FOREIGN KEY (world_id, blocked_id) REFERENCES users(world_id, id) ON DELETE CASCADE;
alter table blocks add constraint blocks_world_id_user_id_fkey FOREIGN KEY (world_id, user_id) REFERENCES users(world_id, id) ON DELETE CASCADE;
alter table command_log add constraint command_log_world_id_fkey FOREIGN KEY (world_id) REFERENCES worlds(id) ON DELETE CASCADE;
alter table invites add constraint invites_world_id_fkey FOREIGN KEY (world_id) REFERENCES worlds(id) ON DELETE CASCADE;
alter table invites add constraint invites_world_id_room_id_fkey FOREIGN KEY (world_id, room_id) REFERENCES rooms(world_id, id) ON DELETE CASCADE;
alter table room_grants add constraint room_grants_world_id_room_id_fkey FOREIGN KEY (world_id, room_id) REFERENCES rooms(world_id, id) ON DELETE CASCADE;
alter table room_grants add constraint room_grants_world_id_user_id_fkey FOREIGN KEY (world_id, user_id) REFERENCES users(world_id, id) ON DELETE CASCADE;
alter table rooms add constraint rooms_world_id_fkey FOREIGN KEY (world_id) REFERENCES worlds(id) ON DELETE CASCADE;
alter table search_entries add constraint search_entries_world_id_user_id_fkey FOREIGN KEY (world_id, user_id) REFERENCES users(world_id, id) ON DELETE CASCADE;
alter table search_gone add constraint search_gone_world_id_user_id_fkey FOREIGN KEY (world_id, user_id) REFERENCES users(world_id, id) ON DELETE CASCADE;
alter table social_accounts add constraint social_accounts_world_id_user_id_fkey FOREIGN KEY (world_id, user_id) REFERENCES users(world_id, id) ON DELETE CASCADE;
alter table tie_positions add constraint tie_positions_world_id_user_id_fkey FOREIGN KEY (world_id, user_id) REFERENCES users(world_id, id) ON DELETE CASCADE;
alter table users add constraint users_world_id_fkey FOREIGN KEY (world_id) REFERENCES worlds(id) ON DELETE CASCADE;
alter table world_grants add constraint world_grants_world_id_user_id_fkey FOREIGN KEY (world_id, user_id) REFERENCES users(world_id, id) ON DELETE CASCADE;
CREATE INDEX audit_log_actor ON public.audit_log USING btree (world_id, actor_id);
CREATE INDEX audit_log_user ON public.audit_log USING btree (world_id, user_id, id);
CREATE INDEX blocks_blocked ON public.blocks USING btree (world_id, blocked_id);
CREATE INDEX command_log_position ON public.command_log USING btree ("position");
CREATE INDEX command_log_world ON public.command_log USING btree (world_id);
CREATE INDEX invites_room ON public.invites USING btree (world_id, room_id);
CREATE INDEX room_grants_room ON public.room_grants USING btree (world_id, room_id);
CREATE INDEX search_entries_changed ON public.search_entries USING btree (world_id, changed, user_id);
CREATE INDEX search_entries_order ON public.search_entries USING btree (world_id, name, user_id) INCLUDE (short_more, short_badges, banned);
CREATE INDEX search_gone_changed ON public.search_gone USING btree (world_id, changed, user_id);
CREATE INDEX tie_positions_position ON public.tie_positions USING btree ("position");
CREATE INDEX tie_positions_tie ON public.tie_positions USING btree (world_id, tie);
CREATE INDEX users_listed ON public.users USING btree (world_id, type, ((list_name = ''::text)), list_name, id) WHERE (deleted_at IS NULL);
CREATE TRIGGER audit_log_append_only BEFORE DELETE OR UPDATE ON public.audit_log FOR EACH ROW EXECUTE FUNCTION keep_audit_log();
CREATE TRIGGER room_grants_touch AFTER INSERT OR DELETE OR UPDATE ON public.room_grants FOR EACH ROW EXECUTE FUNCTION touch_granted();
CREATE TRIGGER users_search_changed AFTER UPDATE OF type, profile, traits, moderation_state, deleted_at ON public.users FOR EACH ROW WHEN (((old.type <> new.type) OR (old.traits <> new.traits) OR (old.moderation_state <> new.moderation_state) OR (old.deleted_at IS DISTINCT FROM new.deleted_at) OR ((old.profile -> 'display_name'::text) IS DISTINCT FROM (new.profile -> 'display_name'::text)) OR ((old.profile -> 'fields'::text) IS DISTINCT FROM (new.profile -> 'fields'::text)))) EXECUTE FUNCTION search_enter_changed();
CREATE TRIGGER users_search_new AFTER INSERT ON public.users REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION search_enter_new();
CREATE TRIGGER world_grants_touch AFTER INSERT OR DELETE OR UPDATE ON public.world_grants FOR EACH ROW EXECUTE FUNCTION touch_granted();
CREATE TRIGGER worlds_search AFTER UPDATE ON public.worlds FOR EACH ROW WHEN (((old.search_fields <> new.search_fields) OR (old.search_badges <> new.search_badges))) EXECUTE FUNCTION search_enter_world();
