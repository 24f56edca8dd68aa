flow { id = "meant-inner", title = "Where to" }

on.topic("(?i)^help", function()
  local about = ask { text = "About what?", choices = { "Streets", "Towns" }, correct = true }
  ask { text = about .. ": does that help?", choices = { "Yes", "No" } }
end)

local where = form { id = "where", title = "Where to?", correct = true,
                     fields = { { id = "street", label = "Street", required = true }, { id = "town", label = "Town", required = true } } }
local floor = ask { text = "Which floor?", type = "number", correct = true, tries = 3 }
return where.street .. ", " .. where.town .. ", " .. floor
