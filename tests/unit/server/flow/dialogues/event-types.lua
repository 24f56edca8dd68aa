flow { id = "event-types", title = "Many types of events", escape = { queue = "help" } }

ask "Ready?"
for i = 1, 16 do
  wait { event = "type." .. i }
end
say "Sixteen."
wait { event = "type.3" }
say "A third once more."
ask "More?"
say(pcall(wait, { event = "type.17" }) and "A seventeenth." or "Refused.")
