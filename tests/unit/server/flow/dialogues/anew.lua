-- What was set before a restart is for the agent; the flow that begins anew does not find it, in memory or rebuilt.
flow { id = "anew", title = "Begins anew" }
if not started.data then
  ask { id = "number", text = "Number?" }
  context.set("plan", "gold")
  context.set("kept", true)
  context.set("dropped", "soon")
  restart { again = true }
end
local plan, number = context.get("plan"), context.get("number")
ask "More?"
say(tostring(plan) .. " " .. tostring(number) .. " " .. tostring(context.get("plan")))
context.set("plan", "silver")
context.set("dropped", nil)
ask "And more?"
say(context.get("plan"))
