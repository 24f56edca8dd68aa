-- A thousand years are kept like a minute.
flow { id = "years", title = "Later" }

local day = 24 * 60 * 60 * 1000
local before = now()
wait "365250d"
say("Waited " .. (now() - before) / day .. " days: " .. fmt.date(now()))
local words, why = ask { text = "Still there?", timeout = "365250d" }
say(tostring(words) .. " " .. why)
wait { till = 253402300799000 }
say(fmt.when(now()))
