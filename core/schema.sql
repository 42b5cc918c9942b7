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

create table social_accounts (
  world_id text not null,
  user_id uuid not null,
  network text not null,
  external_id text not null,
  connected_at timestamp with time zone not null default now()
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
  deleted_at timestamp with time zone
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
  link_secret bytea not null default (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
);

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

alter table audit_log add constraint audit_log_pkey PRIMARY KEY (id);
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
alter table social_accounts add constraint social_accounts_external_id_check CHECK (((char_length(external_id) >= 1) AND (char_length(external_id) <= 200)));
alter table social_accounts add constraint social_accounts_pkey PRIMARY KEY (world_id, user_id, network);
alter table users add constraint users_client_id_check CHECK (((char_length(client_id) >= 1) AND (char_length(client_id) <= 200)));
alter table users add constraint users_client_state_check CHECK ((jsonb_typeof(client_state) = 'object'::text));
alter table users add constraint users_moderation_state_check CHECK ((moderation_state = ANY (ARRAY[''::text, 'silenced'::text, 'banned'::text])));
alter table users add constraint users_pkey PRIMARY KEY (id);
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
alter table command_log add constraint command_log_world_id_fkey FOREIGN KEY (world_id) REFERENCES worlds(id) ON DELETE CASCADE;
alter table invites add constraint invites_world_id_fkey FOREIGN KEY (world_id) REFERENCES worlds(id) ON DELETE CASCADE;
alter table invites add constraint invites_world_id_room_id_fkey FOREIGN KEY (world_id, room_id) REFERENCES rooms(world_id, id) ON DELETE CASCADE;
alter table room_grants add constraint room_grants_world_id_room_id_fkey FOREIGN KEY (world_id, room_id) REFERENCES rooms(world_id, id) ON DELETE CASCADE;
alter table room_grants add constraint room_grants_world_id_user_id_fkey FOREIGN KEY (world_id, user_id) REFERENCES users(world_id, id) ON DELETE CASCADE;
alter table rooms add constraint rooms_world_id_fkey FOREIGN KEY (world_id) REFERENCES worlds(id) ON DELETE CASCADE;
alter table social_accounts add constraint social_accounts_world_id_user_id_fkey FOREIGN KEY (world_id, user_id) REFERENCES users(world_id, id) ON DELETE CASCADE;
alter table users add constraint users_world_id_fkey FOREIGN KEY (world_id) REFERENCES worlds(id) ON DELETE CASCADE;
alter table world_grants add constraint world_grants_world_id_user_id_fkey FOREIGN KEY (world_id, user_id) REFERENCES users(world_id, id) ON DELETE CASCADE;
CREATE INDEX audit_log_actor ON public.audit_log USING btree (world_id, actor_id);
CREATE INDEX audit_log_user ON public.audit_log USING btree (world_id, user_id, id);
CREATE INDEX command_log_position ON public.command_log USING btree ("position");
CREATE INDEX command_log_world ON public.command_log USING btree (world_id);
CREATE INDEX invites_room ON public.invites USING btree (world_id, room_id);
CREATE INDEX room_grants_room ON public.room_grants USING btree (world_id, room_id);
CREATE TRIGGER audit_log_append_only BEFORE DELETE OR UPDATE ON public.audit_log FOR EACH ROW EXECUTE FUNCTION keep_audit_log();
