-- The branch of troubleshooting for routers: what was tried comes back with the result.

flow { id = "trouble-router", title = "The internet does not work" }

local steps = {
  { "restarted", "Please pull the plug of the router, wait ten seconds, and plug it in again. Does it work now?" },
  { "checked the cable", "Is the grey cable in the socket named DSL? Push it in again. Does it work now?" },
  { "reset", "Please hold the button on the back for five seconds. Does it work now?" },
}

local tried = {}
for _, step in ipairs(steps) do
  local works = ask { text = step[2], choices = { "yes", "no" }, timeout = "1h" }
  if not works then
    break
  end
  table.insert(tried, step[1])
  if works == "yes" then
    return true, tried
  end
end
return false, tried
