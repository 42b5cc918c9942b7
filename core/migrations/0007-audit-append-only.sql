-- expand
-- The audit log only grows: what happened stays as it was written, whoever is connected to the database. Two ways
-- out: redaction of a deleted account's values, which takes away from `data` and adds nothing but the mark
-- `"redacted": true`; and the end of a whole world, whose row is gone by the time its audit rows follow.

create function keep_audit_log() returns trigger language plpgsql as $$
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
$$;

create trigger audit_log_append_only before update or delete on audit_log
  for each row execute function keep_audit_log();
