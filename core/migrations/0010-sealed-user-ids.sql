-- expand
-- An account's id is its world's own: the same one may be another world's too, so that nobody learns from a refusal
-- which ids others have. What tells accounts apart is (world_id, id), which all that refers to them names already.
-- A primary key of these two would be a second index of what the unique constraint has, built while nobody can
-- write; this changes no row, and the version before does not mind.

alter table users drop constraint users_pkey;

-- What a primary key would be for replication.
alter table users replica identity using index users_world_id_id_key;
