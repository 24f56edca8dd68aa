-- A message that a flow has left in a queue: its session waits for a person who has time, and nobody waits on the other side.

alter table session add column message boolean not null default false;   -- not taken yet
