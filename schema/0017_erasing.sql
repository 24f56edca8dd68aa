-- Erasing an item looks at all runs of its conversation, also at those that are over: they are found by it, and not by reading
-- every run that there has ever been.

create index flow_run_of on flow_run (conversation);
drop index flow_run_failed_in;
