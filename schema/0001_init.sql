-- The first schema: everything a conversation of any mode is made of, and who may take part.
--
-- Why it looks like this: a conversation is an append-only log with contiguous numbers, and the next number is the fence
-- by which every decision is settled. So `item` has a primary key (conversation, seq), no foreign keys and no counter row;
-- what else changes with a decision (session, agent, process, run) changes in the same transaction, on a condition that
-- must touch exactly one row (parley_one). Lock order: conversation, item, session, flow_run, process, agent, timer, by id.

-- Who --------------------------------------------------------------------------------------------------------------

create table app (
    id            uuid primary key,
    name          text not null unique check (name ~ '^[a-z0-9][a-z0-9_.-]{0,63}$'),
    space         text not null default 'main',
    default_flow  text,
    default_queue text,
    origins       text[] not null default '{}',
    guests        boolean not null default true,
    created_at    timestamptz not null default now()
);

-- One key, one algorithm. Public halves in clear; shared secrets sealed with the master key.
create table app_key (
    kid         text primary key check (kid ~ '^[A-Za-z0-9._-]{1,64}$'),
    app         uuid not null references app,
    algorithm   text not null check (algorithm in ('ES256', 'RS256', 'HS256')),
    public_jwk  jsonb,
    sealed      bytea,
    created_at  timestamptz not null default now(),
    disabled_at timestamptz,
    check ((algorithm = 'HS256') = (sealed is not null)),
    check ((algorithm = 'HS256') = (public_jwk is null))
);

-- Keys of bots and back ends: only the digest is kept.
create table api_key (
    id          uuid primary key,
    digest      bytea not null unique check (length(digest) = 32),
    role        text not null check (role in ('bot', 'backend')),
    name        text not null,
    app         uuid not null references app,
    created_at  timestamptz not null default now(),
    disabled_at timestamptz
);

create table customer (
    id         uuid primary key,
    name       text,
    language   text,
    verified   boolean not null default false,
    traits     jsonb not null default '{}',
    outcome    text,                                    -- of the last session, for the next flow
    revision   bigint not null default 1,               -- grows when access changes
    created_at timestamptz not null default now()
);

create table identity (
    space      text not null,
    kind       text not null check (kind in ('external', 'email', 'phone', 'device', 'guest')),
    value      text not null,
    customer   uuid not null references customer,
    created_at timestamptz not null default now(),
    primary key (space, kind, value)
);
create index identity_customer on identity (customer);

create table device (
    id           uuid primary key,
    customer     uuid not null references customer,
    app          uuid not null references app,
    guest_digest bytea unique check (length(guest_digest) = 32),
    push_token   text,
    seen_at      timestamptz not null default now(),
    created_at   timestamptz not null default now()
);
create index device_customer on device (customer);

create table role (
    name       text not null,
    permission text not null,
    primary key (name, permission)
);

create table agent (
    id            uuid primary key,
    email         text not null unique check (email = lower(email)),
    name          text not null,
    role          text not null check (role in ('agent', 'supervisor', 'admin')),
    password      text,                                 -- Argon2id, PHC form
    one_time      boolean not null default false,       -- the password is to be changed
    status        smallint not null default 0 check (status between 0 and 3),
    capacity      integer not null default 5 check (capacity between 0 and 100),
    load          integer not null default 0 check (load >= 0),
    misses        integer not null default 0,           -- offers missed in a row
    assigned_at   timestamptz not null default '-infinity',
    node          uuid,                                 -- where they are connected
    lost_at       timestamptz,                          -- since when their connection is gone
    revision      bigint not null default 1,            -- grows when access changes
    created_at    timestamptz not null default now(),
    disabled_at   timestamptz
);

create table agent_token (
    digest     bytea primary key check (length(digest) = 32),
    agent      uuid not null references agent,
    expires_at timestamptz not null,
    created_at timestamptz not null default now()
);

create table queue (
    name       text primary key check (name ~ '^[a-z0-9][a-z0-9_.-]{0,63}$'),
    title      text not null,
    priority   integer not null default 0,
    created_at timestamptz not null default now()
);

create table membership (
    agent uuid not null references agent,
    queue text not null references queue,
    primary key (agent, queue)
);
create index membership_queue on membership (queue);

-- What was said ------------------------------------------------------------------------------------------------------

create table conversation (
    id         uuid primary key,
    customer   uuid not null references customer,
    app        uuid not null references app,
    topic      text not null default 'main',
    created_at timestamptz not null default now(),
    unique (customer, topic)
) with (fillfactor = 80);

-- No foreign keys, no defaults, columns by alignment: this is the hot path. unique (id, conversation, author) has the
-- time-ordered id first, so that new entries land on the right edge of the index.
create table item (
    conversation uuid not null,
    id           uuid not null,
    author       uuid not null,
    seq          bigint not null check (seq > 0),
    prev         bigint not null check (prev >= 0 and prev < seq),
    at           timestamptz not null,
    kind         smallint not null,
    role         smallint not null,
    audience     smallint not null check (audience in (0, 1)),
    body         jsonb not null,
    primary key (conversation, seq),
    unique (id, conversation, author)
);
-- The last item that moved state, and the context in force: found without reading what was said since.
create index item_moves on item (conversation, seq) where kind >= 64;
create index item_context on item (conversation, seq) where kind = 14;

-- What is left of an erased item beside its row: the digest by which a late repeat is still told from a conflict.
create table tombstone (
    conversation uuid not null,
    seq          bigint not null,
    digest       bytea not null check (length(digest) = 32),
    erased_at    timestamptz not null default now(),
    primary key (conversation, seq)
);

create table mark (
    conversation uuid not null,
    participant  uuid not null,
    role         smallint not null,
    read         bigint not null check (read >= 0),
    delivered    bigint not null check (delivered >= read),
    primary key (conversation, participant)
) with (fillfactor = 80);

-- Who serves -----------------------------------------------------------------------------------------------------------

-- state: 1 bot, 2 queued, 3 offered, 4 live, 5 wrap_up, 6 closed (protocol/frames.def)
create table session (
    id           uuid primary key,
    conversation uuid not null,
    app          uuid not null,
    customer     uuid not null,
    state        smallint not null check (state between 1 and 6),
    epoch        bigint not null check (epoch > 0),
    run          uuid,
    queue        text,
    handoff      uuid,
    agent        uuid,
    offer        uuid,
    offer_agent  uuid,
    offer_until  timestamptz,
    priority     integer not null default 0,
    opened_at    timestamptz not null,
    queued_at    timestamptz,                           -- first time it waited; kept by decline, expiry, transfer, loss
    state_at     timestamptz not null,
    live_at      timestamptz,
    closed_at    timestamptz,
    outcome      text,
    check ((state in (4, 5)) = (agent is not null) or state = 6),
    check ((state = 3) = (offer is not null)),
    check ((state = 3) = (offer_agent is not null)),
    check (state not in (2, 3) or (queue is not null and queued_at is not null)),
    check ((state = 6) = (closed_at is not null))
) with (fillfactor = 70);
create unique index session_one_open on session (conversation) where state <> 6;
create index session_conversation on session (conversation, opened_at desc);
-- for parley_link
create index session_customer on session (customer) where state <> 6;
create index session_waiting on session (queue, priority desc, queued_at) where state in (2, 3);
create index session_agent on session (agent) where state in (4, 5);
create unique index session_offer on session (offer) where offer is not null;
create index session_offer_agent on session (offer_agent) where state = 3;
create index session_handled on session (queue, closed_at desc) where state = 6 and live_at is not null;

create table handoff (
    id           uuid primary key,
    session      uuid not null,
    conversation uuid not null,
    queue        text not null,
    why          text not null,
    reason       text,
    summary      text,
    collected    jsonb not null default '{}',
    priority     integer not null default 0,
    asked_at     timestamptz not null,
    agent        uuid,
    accepted_at  timestamptz,
    ended_at     timestamptz,
    outcome      text,
    note         text
);
create index handoff_session on handoff (session, asked_at);

-- What the customer does -----------------------------------------------------------------------------------------------

create table context_snapshot (
    conversation uuid not null,
    hash         bytea not null check (length(hash) = 32),
    body         jsonb not null,
    at           timestamptz not null,
    primary key (conversation, hash)
);

create table process_type (
    app        uuid not null references app,
    name       text not null,
    version    integer not null check (version > 0),
    steps      jsonb not null,                          -- ["cart","address","pay"]
    fields     jsonb not null,                          -- [{"name":"street","type":"text","required":true,"step":"address"}]
    created_at timestamptz not null default now(),
    primary key (app, name, version)
);

-- state: 1 open, 2 done, 3 failed
create table process (
    id           uuid primary key,
    conversation uuid not null,
    type         text not null,
    version      integer,
    title        text,
    state        smallint not null check (state between 1 and 3),
    step         text,
    revision     bigint not null check (revision > 0),
    data         jsonb not null,
    created_at   timestamptz not null,
    updated_at   timestamptz not null
) with (fillfactor = 70);
create index process_open on process (conversation, id) where state = 1;

-- Bot flows ------------------------------------------------------------------------------------------------------------

create table flow_version (
    hash         bytea primary key check (length(hash) = 32),
    name         text not null,
    title        text not null,
    source       text not null,
    published_at timestamptz not null default now()
);

create table flow (
    name text primary key,
    hash bytea not null references flow_version
);

-- state: 1 running, 2 waiting, 3 handoff, 4 ended, 5 failed
create table flow_run (
    id           uuid primary key,
    session      uuid not null,
    conversation uuid not null,
    hash         bytea not null references flow_version,
    state        smallint not null check (state between 1 and 5),
    step         bigint not null check (step >= 0),     -- steps committed; the next one is this + 1
    input_seq    bigint not null check (input_seq >= 0),-- items up to here have been consumed
    waiting      jsonb not null default '{}',
    collected    jsonb not null default '{}',           -- what it was told so far, by question
    started_at   timestamptz not null,
    updated_at   timestamptz not null
) with (fillfactor = 70);
create index flow_run_open on flow_run (conversation) where state < 4;
create index flow_run_hash on flow_run (hash) where state < 4;

create table flow_journal (
    run   uuid not null,
    entry bigint not null check (entry > 0),            -- contiguous in a run
    step  bigint not null,
    call  text not null,
    line  integer not null,
    data  jsonb not null,                               -- digest of the arguments, and what the script was told
    primary key (run, entry)
);

-- kind: 1 offer, 2 grace, 3 flow, 4 session, 5 push
create table timer (
    id           uuid primary key,
    conversation uuid not null,
    kind         smallint not null,
    due          timestamptz not null,
    ref          uuid not null,
    data         jsonb not null default '{}'
);
create index timer_due on timer (due);
create index timer_ref on timer (ref);

-- Files ----------------------------------------------------------------------------------------------------------------

-- state: 1 announced, 2 stored
create table blob (
    id           uuid primary key,
    conversation uuid not null,
    name         text not null,
    type         text not null,
    bytes        bigint not null check (bytes > 0),
    sha256       bytea not null check (length(sha256) = 32),
    state        smallint not null check (state in (1, 2)),
    created_at   timestamptz not null default now()
);

create table blob_part (
    blob uuid not null references blob on delete cascade,
    part integer not null,
    data bytea not null check (length(data) <= 262144),
    primary key (blob, part)
);

create table blob_url (
    digest     bytea primary key check (length(digest) = 32),
    blob       uuid not null references blob on delete cascade,
    verb       text not null check (verb in ('PUT', 'GET')),
    expires_at timestamptz not null
);

-- Reaching a phone; nodes ----------------------------------------------------------------------------------------------

-- One wish to wake a customer's phone per conversation, newest wins.
create table push (
    conversation uuid primary key,
    customer     uuid not null,
    id           uuid not null,
    seq          bigint not null,
    due          timestamptz not null,
    attempts     integer not null default 0,
    since        timestamptz not null
);
create index push_due on push (due);
create index push_customer on push (customer);

create table node (
    id      uuid primary key,
    version text not null,
    seen_at timestamptz not null
);

-- Functions ------------------------------------------------------------------------------------------------------------

-- Zero rows are no error to Postgres; to a transition they are.
create function parley_one(touched bigint, what text) returns boolean language plpgsql as $$
begin
    if touched <> 1 then
        raise exception using errcode = 'PY001', message = format('%s touched %s rows instead of one', what, touched);
    end if;
    return true;
end $$;

-- Every change of one conversation's rows that is not the fast path begins here; conversations before everything else.
create function parley_lock(wanted uuid[]) returns void language plpgsql as $$
declare
    locked bigint;
begin
    select count(*) into locked
      from (select 1 from conversation c where c.id = any (wanted) order by c.id for no key update) l;
    if locked <> (select count(distinct w) from unnest(wanted) w) then
        raise exception using errcode = 'PY404', message = 'a conversation does not exist';
    end if;
end $$;

-- Whether this body is the one that was stored, also after its erasure.
create function parley_same(stored jsonb, digest bytea, body jsonb) returns boolean language sql stable as $$
    select case when digest is null then stored = body else digest = sha256(convert_to(body::text, 'UTF8')) end
$$;

-- Holds the next number of each conversation until the end of the transaction, and leaves nothing behind.
create function parley_claim(wanted uuid[]) returns void language plpgsql as $$
begin
    insert into item (conversation, id, author, seq, prev, at, kind, role, audience, body)
    select c.id, c.id, c.id, coalesce(h.seq, 0) + 1, 0, now(), 0, 0, 1, '{}'
      from (select distinct w as id from unnest(wanted) w) c
      left join lateral (select seq from item where conversation = c.id order by seq desc limit 1) h on true
     order by c.id;
    delete from item where id = any (wanted) and conversation = id and author = id;
end $$;

-- Where every doubt ends (DESIGN.md, the way of a message). Rows of one conversation and group stand or fall together.
-- Answers in the order of the rows; outcome: 1 stored, 2 repeat, 3 conflict, 4 stale.
--
-- The lock keeps other settlers out, and makes a repeat wait for the standby that the first one waits for. It does not
-- stop the fast path, so what one look sees may be outdated when it inserts; then the keys refuse, and it looks again.
-- Against a writer that never pauses it would lose each time: from the third look on it first takes the next number
-- with a row that it removes again, and whoever wants that number waits for this transaction.
create function parley_settle(
    p_conversation uuid[], p_id uuid[], p_author uuid[], p_at timestamptz[], p_basis bigint[], p_kind smallint[],
    p_role smallint[], p_audience smallint[], p_group integer[], p_body jsonb[],
    out outcomes smallint[], out seqs bigint[], out prevs bigint[], out ats timestamptz[])
language plpgsql as $$
begin
    perform parley_lock(p_conversation);
    for look in 1 .. 50 loop
        begin
            if look > 2 then
                perform parley_claim(p_conversation);
            end if;
            with input as (
                select *
                  from unnest(p_conversation, p_id, p_author, p_at, p_basis, p_kind, p_role, p_audience, p_group, p_body)
                       with ordinality as t (conversation, id, author, at, basis, kind, role, audience, grp, body, n)
            ), heads as (
                select c.conversation, coalesce(h.seq, 0) as head, coalesce(h.public, 0) as public,
                       coalesce(m.seq, 0) as moved
                  from (select distinct conversation from input) c
                  left join lateral (
                      select seq, case audience when 0 then seq else prev end as public
                        from item where item.conversation = c.conversation order by seq desc limit 1) h on true
                  left join lateral (
                      select seq from item where item.conversation = c.conversation and kind >= 64
                       order by seq desc limit 1) m on true
            ), seen as (
                select i.*, x.seq as was_seq, x.prev as was_prev, x.at as was_at,
                       x.kind = i.kind and parley_same(x.body, t.digest, i.body) as same
                  from input i
                  left join item x on x.id = i.id and x.conversation = i.conversation and x.author = i.author
                  left join tombstone t on t.conversation = x.conversation and t.seq = x.seq
            ), grouped as (
                select s.*, h.head, h.public,
                       count(s.was_seq) over g as there,
                       coalesce(bool_and(s.same) over g, false) and count(s.was_seq) over g = count(*) over g as repeat,
                       bool_or(h.moved > s.basis) over g as stale,
                       bool_or(s.kind >= 64) over g as moves,
                       min(s.n) over g as first
                  from seen s join heads h using (conversation)
                window g as (partition by s.conversation, s.grp)
            ), judged as (
                select *, case when repeat then 2 when there > 0 then 3
                               when stale or first > min(first) filter (where there = 0 and not stale and moves)
                                                    over (partition by conversation) then 4
                               else 1 end::smallint as outcome
                  from grouped
            ), numbered as (
                select *, head + row_number() over (partition by conversation order by n) as new_seq
                  from judged where outcome = 1
            ), linked as (
                select *, coalesce(max(new_seq) filter (where audience = 0)
                                       over (partition by conversation order by n
                                             rows between unbounded preceding and 1 preceding), public) as new_prev
                  from numbered
            ), stored as (
                insert into item (conversation, id, author, seq, prev, at, kind, role, audience, body)
                select conversation, id, author, new_seq, new_prev, at, kind, role, audience, body
                  from linked order by conversation, new_seq
            )
            select array_agg(j.outcome order by j.n), array_agg(coalesce(l.new_seq, j.was_seq) order by j.n),
                   array_agg(coalesce(l.new_prev, j.was_prev) order by j.n),
                   array_agg(coalesce(j.was_at, j.at) order by j.n)
              into outcomes, seqs, prevs, ats
              from judged j left join linked l using (n);
            return;
        exception when unique_violation then
            null;
        end;
    end loop;
    raise exception using errcode = '40001', message = 'others were quicker each time';
end $$;

-- What became of a transition: which of its ids are stored, and the head. A number above the head may still be taken.
create function parley_probe(
    p_conversation uuid, p_id uuid[], p_author uuid[],
    out head bigint, out seqs bigint[], out prevs bigint[], out ats timestamptz[])
language plpgsql as $$
begin
    perform parley_lock(array[p_conversation]);
    select coalesce(max(seq), 0) into head from item where conversation = p_conversation;
    select array_agg(x.seq order by i.n), array_agg(x.prev order by i.n), array_agg(x.at order by i.n)
      into seqs, prevs, ats
      from unnest(p_id, p_author) with ordinality as i (id, author, n)
      left join item x on x.id = i.id and x.conversation = p_conversation and x.author = i.author;
end $$;

-- Who comes in, with device and main conversation: found or made, in one round trip, once however many come at the same
-- time. Mostly it finds everything as it should be, and writes nothing.
create function parley_enter(
    p_space text, p_kind text, p_value text, p_name text, p_language text, p_traits jsonb, p_verified boolean,
    p_app uuid, p_device uuid, p_digest bytea, p_customer uuid, p_conversation uuid,
    out who uuid, out their_name text, out their_language text, out is_verified boolean, out their_traits jsonb,
    out their_outcome text, out their_revision bigint, out home uuid)
language plpgsql as $$
declare
    made bigint;
begin
    select i.customer into who
      from identity i where i.space = p_space and i.kind = p_kind and i.value = p_value;
    if who is null then
        insert into customer (id) values (p_customer) on conflict (id) do nothing;
        get diagnostics made = row_count;
        insert into identity (space, kind, value, customer) values (p_space, p_kind, p_value, p_customer)
            on conflict (space, kind, value) do nothing;
        select i.customer into strict who
          from identity i where i.space = p_space and i.kind = p_kind and i.value = p_value;
        if made = 1 and who <> p_customer then     -- somebody was quicker
            delete from customer c where c.id = p_customer;
        end if;
    end if;

    update customer c
       set name = coalesce(p_name, c.name), language = coalesce(p_language, c.language),
           traits = coalesce(p_traits, c.traits), verified = c.verified or p_verified
     where c.id = who
       and (c.name is distinct from coalesce(p_name, c.name) or c.language is distinct from coalesce(p_language, c.language)
            or c.traits <> coalesce(p_traits, c.traits) or p_verified and not c.verified);

    select v.id into home from conversation v where v.customer = who and v.topic = 'main';
    if home is null then
        insert into conversation (id, customer, app) values (p_conversation, who, p_app)
            on conflict (customer, topic) do nothing;
        select v.id into strict home
          from conversation v where v.customer = who and v.topic = 'main';
    end if;

    -- A device that changes hands takes no guest token along.
    if p_device is not null then
        insert into device as d (id, customer, app, guest_digest) values (p_device, who, p_app, p_digest)
            on conflict (id) do update
               set customer = excluded.customer, app = excluded.app, seen_at = now(),
                   push_token = case when d.customer = excluded.customer then d.push_token end,
                   guest_digest = case when d.customer = excluded.customer
                                       then coalesce(excluded.guest_digest, d.guest_digest)
                                       else excluded.guest_digest end
             where d.customer <> excluded.customer or d.seen_at < now() - interval '1 hour'
                or excluded.guest_digest is not null;
    end if;

    select c.name, c.language, c.verified, c.traits, c.outcome, c.revision
      into their_name, their_language, is_verified, their_traits, their_outcome, their_revision
      from customer c where c.id = who;
end $$;

-- A guest turns out to be a known customer. Nothing is merged or renumbered: everything of theirs changes its owner.
create function parley_link(p_guest uuid, p_customer uuid) returns void language plpgsql as $$
declare
    touched bigint;
begin
    perform 1 from conversation where customer = p_guest order by id for no key update;
    update conversation set customer = p_customer, topic = 'guest/' || id where customer = p_guest;
    update session set customer = p_customer where customer = p_guest and state <> 6;
    update identity set customer = p_customer where customer = p_guest;
    update device set customer = p_customer, guest_digest = null where customer = p_guest;
    update push set customer = p_customer where customer = p_guest;
    update customer set revision = revision + 1 where id in (p_guest, p_customer);
    get diagnostics touched = row_count;
    perform parley_one(touched - 1, 'customer');
end $$;

insert into role (name, permission) values
    ('customer', 'own'), ('guest', 'own'),
    ('agent', 'serve'), ('supervisor', 'serve'), ('supervisor', 'watch'),
    ('admin', 'serve'), ('admin', 'watch'), ('admin', 'administer'),
    ('associate', 'view'), ('bot', 'speak'), ('backend', 'post');
