-- expand
-- Only what searches look at makes an entry anew: most changes of a profile are of something else, and to find that out
-- in the function was a third of what an update cost Postgres.

create or replace trigger users_search_changed
  after update of type, profile, traits, moderation_state, deleted_at on users
  for each row
  when (old.type <> new.type or old.traits <> new.traits
    or old.moderation_state <> new.moderation_state or old.deleted_at is distinct from new.deleted_at
    or old.profile -> 'display_name' is distinct from new.profile -> 'display_name'
    or old.profile -> 'fields' is distinct from new.profile -> 'fields')
  execute function search_enter_changed();
