-- expand
-- A connection that logged in with an older version of its account than this one is cut off for good: what it had sent
-- on takes no effect either, however late it comes, also once the account may log in again. Of a ban from before this
-- column it is not known; whoever it cut off has long been gone.

alter table users add column cut_off_version bigint not null default 0;
