-- How a flow is reached stands beside the source that says so: whoever decides which flow begins runs no script. And an app may
-- reach some of the published flows alone.

alter table flow_version add column start jsonb not null default '{}'; -- server/flow/start.h
alter table app add column flows text[];                               -- beside its own; null: all that are published
