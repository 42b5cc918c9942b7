-- expand
-- Whoever has read an account's row tells by its xmin whether it is still that one, and its grants belong to it: what
-- changes them writes the row anew, with nothing in it changed.

create function touch_granted() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' then
    update users set version = version where world_id = old.world_id and id = old.user_id;
  end if;
  if tg_op <> 'DELETE' then
    update users set version = version where world_id = new.world_id and id = new.user_id;
  end if;
  return null;
end $$;

create trigger world_grants_touch after insert or update or delete on world_grants
  for each row execute function touch_granted();
create trigger room_grants_touch after insert or update or delete on room_grants
  for each row execute function touch_granted();
