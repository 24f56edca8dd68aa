-- What a flow has made of what was said goes with it when that is erased: nobody can know what is in it. In the sessions that may
-- have heard of the item, that is all that their flows have set, and the reason and summary for which a person was asked since; of
-- runs that are over also what they took along through restart{}, by which one that is under way goes on. Items that flows have
-- said, processes and what services answered are records of their own, and whoever erases looks at them.

-- Whether a flow of that session may have been told of the item: it was not opened after it. Kind 64: opened.
create function parley_heard(of uuid, item bigint, by_session uuid) returns boolean language sql stable as $$
    select not exists (select from item o where o.conversation = of and o.seq > item and o.kind = 64
                                            and o.body->>'session' = by_session::text)
$$;

create or replace function parley_erased() returns trigger language plpgsql as $$
begin
    perform from flow_run where conversation = new.conversation and state < 4 order by id for update;
    update flow_log set text = null where conversation = new.conversation and seq >= new.seq and text is not null;
    update flow_journal j set data = jsonb_set(j.data, '{told,text}', '"erased: it may have had what was said"')
      from flow_run r where r.conversation = new.conversation and r.state = 5 and r.input_seq >= new.seq
       and j.run = r.id and j.call = 'failed' and j.data->'told'->>'code' <> 'E307';
    update flow_run set collected = '{}' where conversation = new.conversation and input_seq >= new.seq and collected <> '{}'
       and parley_heard(new.conversation, new.seq, session);
    update flow_journal j set data = case when r.state in (4, 5) then j.data #- '{told,data}' else j.data end #- '{told,before,own}'
      from flow_run r where r.conversation = new.conversation and r.input_seq >= new.seq
       and parley_heard(new.conversation, new.seq, r.session) and j.run = r.id and j.entry = 1 and j.call = 'start'
       and j.data->'told'->>'kind' = 'restart' and (j.data->'told'->>'seq')::int8 >= new.seq;
    -- kind 65: queued, which says that a person was asked for in that session
    update handoff h set reason = null, summary = null, collected = '{}'
      from (select distinct i.body->>'session' as session from item i
             where i.conversation = new.conversation and i.seq > new.seq and i.kind = 65) q
     where h.session = q.session::uuid and parley_heard(new.conversation, new.seq, h.session);
    return null;
end $$;
