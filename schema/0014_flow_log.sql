-- What flows write with log.* is kept where their makers find it: a line with the step that wrote it, once. Bounded three times: a
-- run keeps its newest lines (server/store/flow_log_row.c), a flow so many, and none is kept longer than flows.log_keep.

create table flow_log (
    conversation uuid not null,
    run          uuid not null,
    number       bigint not null check (number > 0),    -- grows within a run
    step         bigint not null,
    seq          bigint not null,                       -- what was said up to here may be in the text; 0: the words are the server's own
    tx           xid8 not null default pg_current_xact_id(), -- in this order they can be followed without missing one
    at           timestamptz not null,
    level        smallint not null check (level between 0 and 3), -- debug, info, warn, error
    flow         text not null,
    hash         bytea not null,
    file         text not null,
    line         integer not null,
    text         text,                                  -- null: something that may be in it has been erased
    primary key (conversation, run, number)
);
create index flow_log_flow on flow_log (flow, at);
create index flow_log_tx on flow_log (tx);

create index flow_run_failed_in on flow_run (conversation) where state = 5;

-- Whoever erases an item writes its tombstone, and with it goes all that flows of that conversation have written in words of their
-- own since the item was there: their lines, and what their failures say. The lock makes a step that is being committed wait, or be
-- waited for; kept free of words by itself is E307, which says that something was erased.
create function parley_erased() returns trigger language plpgsql as $$
begin
    perform from flow_run where conversation = new.conversation and state < 4 order by id for update;
    update flow_log set text = null where conversation = new.conversation and seq >= new.seq and text is not null;
    update flow_journal j set data = jsonb_set(j.data, '{told,text}', '"erased: it may have had what was said"')
      from flow_run r where r.conversation = new.conversation and r.state = 5 and r.input_seq >= new.seq
       and j.run = r.id and j.call = 'failed' and j.data->'told'->>'code' <> 'E307';
    return null;
end $$;
create trigger erased after insert on tombstone for each row execute function parley_erased();
