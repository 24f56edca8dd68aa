-- Sessions whose customer has fallen silent are looked for among those that nobody has looked at for as long: one that waits for
-- something else, or whose customer has spoken meanwhile, is put off, and not read again with every sweep.

alter table session add column quiet_at timestamptz;   -- before this nobody was silent; what changes hands later counts instead

create index session_quiet on session (greatest(state_at, quiet_at)) where state = 1;
create index session_quiet_returned on session (greatest(state_at, quiet_at)) where state = 1 and live_at is not null;
drop index session_bot;
drop index session_returned;
