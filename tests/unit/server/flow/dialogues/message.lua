flow { id = "message", title = "A message", escape = { queue = "help" } }

on.event("late", function()
  handoff { mode = "message", reason = "late" }
end)

context.set("seen", true)
local words = ask "What is it?"
local left = handoff { mode = "message", reason = "first" }
left = handoff { queue = "orders", mode = "message", reason = "about it", summary = words, priority = "high", share = { "seen" } }
say("Outcome: " .. left.outcome)
if words == "more" then
  ask "What else?"
end
