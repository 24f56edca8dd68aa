-- Bots from outside: programs with a bot key that serve sessions as flows do, over the wire. A bot has a name, and keys that
-- can be changed without the bot becoming another author; any number of its processes share its sessions, and each session is
-- one process's at a time.

create table bot (
    id         uuid primary key,
    name       text not null unique check (name ~ '^[a-z0-9][a-z0-9_.-]{0,63}$'),
    title      text not null,
    app        uuid not null references app,
    queue      text references queue,                   -- where its handoffs go that name none; null: the app's
    created_at timestamptz not null default now()
);

alter table app add column default_bot text;            -- serves first, before default_flow

-- Bot keys that are there already are bots of their own, and stay the authors that they were.
alter table api_key add column bot uuid references bot;
insert into bot (id, name, title, app) select id, 'key-' || id, name, app from api_key where role = 'bot';
update api_key set bot = id where role = 'bot';
alter table api_key add check ((role = 'bot') = (bot is not null));

-- bot: who serves, or waits for the session to come back from a person. holder: the device of the process that has control.
alter table session add column bot uuid, add column holder uuid,
    add check (holder is null or bot is not null and state = 1);
create index session_held on session (bot, holder) where holder is not null;

-- A process of a bot, by the device that its hello names; without a connection since lost_at.
create table bot_seat (
    bot     uuid not null references bot,
    device  uuid not null,
    node    uuid not null,                              -- where it is connected
    lost_at timestamptz,
    primary key (bot, device)
) with (fillfactor = 70);
create index bot_seat_node on bot_seat (node);

-- What a bot has to do in a session: to answer, since asked_at, or to hear what came of its handoff. Whoever ends that deletes
-- the row in the same transaction. While it waits no process has the session. why: 1 to answer, 2 to hear
create table bot_turn (
    session      uuid primary key,
    conversation uuid not null,
    bot          uuid not null,
    why          smallint not null check (why in (1, 2)),
    waiting      boolean not null,
    tries        integer not null default 0,            -- how often a process let it go
    asked_at     timestamptz not null,
    due          timestamptz not null                   -- then the watchdog comes
) with (fillfactor = 70);
create index bot_turn_due on bot_turn (due);
create index bot_turn_waiting on bot_turn (due) where waiting;
