-- Sessions whose customer has fallen silent are looked for by how long a flow has served them. And when a guest becomes a
-- known customer only the guest's access ends: the customer's other devices stay signed in.

create index session_bot on session (state_at) where state = 1;

create or replace function parley_link(p_guest uuid, p_customer uuid) returns void language plpgsql as $$
declare
    touched bigint;
begin
    perform 1 from conversation where customer = p_guest order by id for no key update;
    update conversation set customer = p_customer, topic = 'guest/' || id where customer = p_guest;
    update session set customer = p_customer where customer = p_guest and state <> 6;
    update identity set customer = p_customer where customer = p_guest;
    update device set customer = p_customer, guest_digest = null where customer = p_guest;
    update push set customer = p_customer where customer = p_guest;
    update customer set revision = revision + (id = p_guest)::int where id in (p_guest, p_customer);
    get diagnostics touched = row_count;
    perform parley_one(touched - 1, 'customer');
end $$;
