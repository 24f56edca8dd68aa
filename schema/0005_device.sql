-- A device is one customer's: its id is known to whoever uses the phone, and to no proof. Named by somebody else, too, it is
-- a row of theirs beside the first, which keeps its guest token.

alter table device drop constraint device_pkey, add primary key (id, customer);

create or replace function parley_enter(
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

    if p_device is not null then
        insert into device as d (id, customer, app, guest_digest) values (p_device, who, p_app, p_digest)
            on conflict (id, customer) do update
               set app = excluded.app, seen_at = now(), guest_digest = coalesce(excluded.guest_digest, d.guest_digest)
             where d.seen_at < now() - interval '1 hour' or excluded.guest_digest is not null;
    end if;

    select c.name, c.language, c.verified, c.traits, c.outcome, c.revision
      into their_name, their_language, is_verified, their_traits, their_outcome, their_revision
      from customer c where c.id = who;
end $$;

create or replace function parley_link(p_guest uuid, p_customer uuid) returns void language plpgsql as $$
declare
    touched bigint;
begin
    perform 1 from conversation where customer = p_guest order by id for no key update;
    update conversation set customer = p_customer, topic = 'guest/' || id where customer = p_guest;
    update session set customer = p_customer where customer = p_guest and state <> 6;
    update identity set customer = p_customer where customer = p_guest;
    delete from device d
     where d.customer = p_guest and exists (select from device o where o.id = d.id and o.customer = p_customer);
    update device set customer = p_customer, guest_digest = null where customer = p_guest;
    update push set customer = p_customer where customer = p_guest;
    update customer set revision = revision + (id = p_guest)::int where id in (p_guest, p_customer);
    get diagnostics touched = row_count;
    perform parley_one(touched - 1, 'customer');
end $$;
