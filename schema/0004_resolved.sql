-- Sessions that an agent resolved while a flow waits are looked for every few seconds, among many that flows serve.

create index session_returned on session (state_at) where state = 1 and live_at is not null;
