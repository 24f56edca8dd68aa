-- Everything that may happen while a question stands.
flow { id = "on", title = "On", escape = { queue = "care", match = "^help me$" } }

local order = "none"

on.topic("opening hours", function(words)
  say("You asked: " .. words)
end)

on.topic({ "another order", "(?i)track" }, function()
  order = ask { text = "Which order?", tries = 2 } or order
  context.set("order", order)
end)

on.event("parcel.arrived", function(data)
  say("Parcel " .. data.id .. " has arrived.")
end)

on.idle("10m", function()
  say "Are you still there?"
end)

on.escape(function(words)
  local why = ask { text = "What is it about?", timeout = "5m" }
  local human = handoff { queue = "care", reason = why or "not said", summary = words }
  say("Back: " .. human.outcome)
end)

local name = ask { id = "name", text = "Your name?", timeout = "1h" }
if not name then
  return say "Another time, then."
end
local color = ask { text = "Colour?", choices = { "Red", "Blue" } }
say(name .. ", " .. tostring(color) .. ", " .. order)
local done = wait { event = "invoice.paid", timeout = "2d" }
say(done and ("Paid " .. done.amount) or "Not paid")
