-- What a flow keeps of answers for the agent is no copy either: an answer stands there by the number of its item, with how the
-- question reads it, and comes from the log when somebody looks. So what is erased is erased there too. What the flow has set
-- itself, and what was kept before, stays in `collected`.

alter table flow_run add column said jsonb not null default '{}';
alter table handoff add column said jsonb not null default '{}';

-- Without regard to the case of the letters that are so in any language.
create function parley_plain(words text) returns text language sql immutable as $$
    select translate(words, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')
$$;

-- One answer as the question reads it: server/flow/answer.c and input.c. `reads` has the type, or the choices, each as
-- [on the wire, label, value, points of a rating]. words: it was typed, not tapped or filled in.
create function parley_read(said jsonb, words boolean, reads jsonb) returns jsonb language sql immutable as $$
    select case
        when reads ? 'choices' then (
            select coalesce(c.v->3, c.v->2) from jsonb_array_elements(reads->'choices') with ordinality c (v, n)
             where case when words then parley_plain(t.text) in (parley_plain(c.v->>1), parley_plain(c.v->>2)) else c.v->>0 = t.text end
             order by c.n limit 1)
        when jsonb_typeof(said) <> 'string' then said
        when reads->>'type' = 'number' and t.text ~ '^[+-]?[0-9]+([.,][0-9]+)?$' then to_jsonb(trim_scale(replace(t.text, ',', '.')::numeric))
        when reads->>'type' = 'phone' then to_jsonb(translate(t.text, ' -()/.', ''))
        when reads->>'type' = 'date' and t.text ~ '[.]' then to_jsonb(format('%s-%s-%s',
            lpad(split_part(t.text, '.', 3), 4, '0'), lpad(split_part(t.text, '.', 2), 2, '0'), lpad(split_part(t.text, '.', 1), 2, '0')))
        when reads->>'type' = 'date' then to_jsonb(format('%s-%s-%s',
            lpad(split_part(t.text, '-', 1), 4, '0'), lpad(split_part(t.text, '-', 2), 2, '0'), lpad(split_part(t.text, '-', 3), 2, '0')))
        else to_jsonb(t.text) end
      from (select case when words then btrim(said #>> '{}', E' \t\r\n') else said #>> '{}' end as text) t
$$;

-- What a flow has set, and what its customer has answered, by question. Kinds of item: 1 text, 8 choice, 10 form_answer.
create function parley_told(of uuid, collected jsonb, said jsonb) returns jsonb language sql stable as $$
    select collected || coalesce((
        select jsonb_object_agg(s.key, x.value) filter (where x.value is not null)
          from jsonb_each(said) s
          join item i on i.conversation = of and i.seq = (s.value->>'item')::int8
          left join tombstone t on t.conversation = of and t.seq = i.seq
         cross join lateral (
               select case i.kind
                   when 1 then parley_read(i.body->'text', true, s.value)
                   when 8 then parley_read(i.body->'value', false, s.value)
                   when 10 then (
                       select coalesce(jsonb_object_agg(f.key, parley_read(i.body->'values'->f.key, false, f.value))
                                       filter (where coalesce(i.body->'values'->f.key, '""') not in ('""', 'null')), '{}')
                         from jsonb_each(s.value->'fields') f) end as value) x
         where t.seq is null), '{}')
$$;
