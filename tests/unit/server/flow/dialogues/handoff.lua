-- Nobody comes for a while: then the flow goes on without.
flow { id = "handoff", title = "Handoff" }

local name = ask { id = "name", text = "Name?" }
local r = handoff { queue = "care", max_wait = "10m", share = { "name" } }
if r.outcome == "timeout" then
  local phone = ask { id = "phone", text = "It takes longer today. Your number?", type = "phone" }
  return handoff { queue = "care", reason = "call back " .. phone, share = { "phone" } }
end
say(name .. ": " .. r.outcome)
