-- When a queue has people, as they write it ("mon-fri 9:00-17:00, 12-25 closed") and in the time zone of their clock: for
-- flows, which ask before they promise somebody. Without hours it is always open.

alter table queue add column hours text check (length(hours) between 1 and 2000);
alter table queue add column zone text;
