-- "No, I meant ...": an earlier answer is put right while a later question stands.
flow { id = "correct", title = "Correct" }

local order = ask { id = "order", text = "Which order?", match = "^A\\d+$" }

on.topic("(?i)^no,? i meant\\b", function(words)
  local meant = match(words, "A\\d+")
  if not meant then
    meant = ask { text = "Which order did you mean?", match = "^A\\d+$" } or order
  end
  order = meant
  context.set("order", order)
  say("I see, " .. order .. ".")
end)

local reason = ask { id = "reason", text = "What is wrong with it?", choices = { "Broken", "Late" } }
say(order .. " is " .. reason:lower())
