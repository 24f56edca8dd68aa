-- A push service that answers 410 wants no more requests. Every worker of every process has to know, also after a restart,
-- for as long as the service's URL is the same.

create table push_ended (
    endpoint bytea primary key check (length(endpoint) = 32),  -- SHA-256 of push.url
    ended_at timestamptz not null default now()
);
