-- Nobody answers what is asked meanwhile: that is left, and what waits below it goes on waiting.
flow { id = "unanswered", title = "A long way" }

on.topic("another order", function()
  local order = ask "Which order?"
  say("Order " .. order)
end)

on.topic("opening hours", function()
  local day, why = ask { text = "Of which day?", timeout = "40d" }
  say(day or why)
end)

on.event("parcel.arrived", function(data)
  local where = ask { text = "Where is it to go?", choices = { "House", "Garage" } }
  say("To the " .. where)
end)

local words, why = ask { text = "Shall we write in autumn?", timeout = "300d" }
say(words or why)
wait "200d"
say "200 days are over."
local last = ask "Anything else?"
say("Goodbye, " .. last)
