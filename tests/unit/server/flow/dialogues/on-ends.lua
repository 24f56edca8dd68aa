-- Ways in which what happens may end: it cannot be caught, and a flow that was called takes its own with it.
flow { id = "on-ends", title = "Ends" }

on.topic("bye", function()
  say "Bye."
  stop()
end)
on.topic("again", function()
  restart()
end)
on.topic("elsewhere", function()
  jump("on-called", { from = "a topic" })
end)
on.topic("stubborn", function()
  pcall(function()
    while true do
      pcall(ask, "You cannot leave?")
    end
  end)
  say "never said"
end)

say("Began by " .. started.kind)
say("Inside: " .. tostring(call("on-called", { from = "the flow" })))
while true do
  ask "Anything?"
end
