flow { id = "called", title = "Is called", escape = { queue = "second" } }

local data = ...
global = "called's"
local level = data and data.level or 1
if level == 0 then
  error "no level"
elseif level == 9 then
  say "No way back."
  return ask "Bye?"
end
local name = ask { id = "who", text = "Who are you? (" .. level .. ")" }
wait "1h"
if name == "Eve" then
  local x = nil
  say(x.y)
end
return name, level + 1
