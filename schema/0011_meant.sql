-- An answer that was put right stands in words like "No, I meant the 5th": the reference to it names the part that was meant, in
-- bytes of UTF-8, so that who serves the customer next reads that part alone.

create function parley_words(body jsonb, reference jsonb) returns jsonb language sql immutable as $$
    select case when reference ? 'bytes' and body ? 'text' then to_jsonb(convert_from(substring(convert_to(body->>'text', 'UTF8')
                from (reference->>'from')::int + 1 for (reference->>'bytes')::int), 'UTF8'))
           else body->'text' end
$$;

create or replace function parley_told(of uuid, collected jsonb, said jsonb) returns jsonb language sql stable as $$
    select collected || coalesce((
        select jsonb_object_agg(s.key, x.value) filter (where x.value is not null)
          from jsonb_each(said) s
          join item i on i.conversation = of and i.seq = (s.value->>'item')::int8
          left join tombstone t on t.conversation = of and t.seq = i.seq
         cross join lateral (
               select case i.kind
                   when 1 then parley_read(parley_words(i.body, s.value), true, s.value)
                   when 8 then parley_read(i.body->'value', false, s.value)
                   when 10 then (
                       select coalesce(jsonb_object_agg(f.key, parley_read(i.body->'values'->f.key, false, f.value))
                                       filter (where coalesce(i.body->'values'->f.key, '""') not in ('""', 'null')), '{}')
                         from jsonb_each(s.value->'fields') f) end as value) x
         where t.seq is null), '{}')
$$;
