-- Who comes back is told which question is open: found without reading what was said since. And a device has a token by which
-- its phone is woken, of one installation and so of one row: whoever registers it last has the phone.

create index item_asks on item (conversation, seq) where kind in (7, 8, 9, 10);

alter table device add column push_platform text;
create unique index device_push on device (push_token) where push_token is not null;
