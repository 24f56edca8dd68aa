-- Publishing a flow moves the runs that can go on with the new version; of the others some are to be handed to a person. And
-- what was published when is kept, so that one can go back.

alter table flow_run add column leaves boolean not null default false; -- to a person, at its next step

create index flow_run_failed on flow_run (updated_at) where state = 5;

create table flow_publication (
    number bigint generated always as identity primary key,
    flow   text not null,
    hash   bytea not null references flow_version,
    at     timestamptz not null default now()
);
create index flow_publication_flow on flow_publication (flow, number);
insert into flow_publication (flow, hash, at)
    select f.name, f.hash, v.published_at from flow f join flow_version v using (hash) order by v.published_at;
