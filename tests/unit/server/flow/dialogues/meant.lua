-- Answers that can be put right, until something has gone out because of them.
flow { id = "meant", title = "Book a table", escape = { queue = "tables" } }

on.topic("(?i)opening hours", function()
  local day = ask { text = "Of which day?" }
  say("On " .. day .. " from 9 to 5.")
end)

local day = ask { id = "day", text = "Which day?", type = "date", correct = true }
local time = ask { id = "time", text = "Lunch or dinner?", choices = { "Lunch", "Dinner" }, correct = true }
local price = http.get { url = "{shop}/price", query = { day = day, time = time } }
say("A table costs " .. price.price .. ".")
if time == "Dinner" then
  context.set("evening", true)
end
local people = ask { id = "people", text = "How many?", type = "number", min = 1, max = 8, correct = true }
local name = ask { text = "On what name?" }
local p = process.start { type = "table", key = day, data = { people = people, name = name } }
local sure = ask { text = day .. ", " .. time .. ", " .. people .. ": right?", choices = { "Yes", "No" } }
p:done()
say(sure == "Yes" and "Booked." or "Not booked.")
