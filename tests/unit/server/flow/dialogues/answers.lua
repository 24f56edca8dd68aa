flow { id = "answers", title = "Every kind of answer" }

local function show(v)
  return tostring(v) .. " " .. (math.type(v) or type(v))
end

say(show(ask { id = "age", text = "Age?", type = "number", min = 18, max = 120 }))
say(show(ask { text = "Height?", type = "number" }))
say(show(ask { text = "Born?", type = "date", invalid = "A day, please." }))
say(show(ask { text = "Mail?", type = "email" }))
say(show(ask { text = "Phone?", type = "phone", match = "^\\+" }))
say(show(ask { id = "stars", text = "Stars?", rating = 5 }))
say(show(ask { id = "pin", text = "PIN?", secret = true }))
local answer, why = ask { text = "Last?", type = "number", tries = 2 }
say(show(answer) .. " " .. why)
say(uuid() ~= uuid() and "two ids" or "one id")
if since "the-beginning" then
  say "new"
end
ask { text = "Bye?", multiline = true }
