flow { id = "on-called", title = "Called" }

local given = ...
on.topic("secret word", function()
  say("You said it, from " .. given.from)
end)
return ask "Called?"
