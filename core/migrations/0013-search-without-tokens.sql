-- expand
-- Workers search in memory (docs/search.md), and what the index over characters still served was not worth what it
-- cost: half of what a first login took of Postgres. The version before finds the same without it.
lock table search_entries in access exclusive mode;
drop index search_entries_tokens;

comment on function search_tokens is 'for the version before 0013; to be dropped by the version after';

-- The same texts as before, by steps instead of a query whose plan is begun anew for each account.
create or replace function search_texts(
  profile jsonb, traits text[], search_fields jsonb, search_badges jsonb,
  out name text, out more text, out badges text
)
  language plpgsql immutable parallel safe
  as $$
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
  end $$;
