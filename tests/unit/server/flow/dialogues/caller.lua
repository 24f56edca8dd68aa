flow { id = "caller", title = "Calls others", escape = { queue = "first" }, apology = "Oh no." }

context.set("seen", {})
local who, level = call("called", { level = 2, asked_by = "caller" })
say("It is " .. tostring(who) .. ", level " .. tostring(level))
local ok, err = pcall(call, "called", { level = 0 })
say(err)
global = "caller's"
local again = call "called"
say("Again " .. tostring(again) .. ", and global is " .. global)
jump("called", { level = 9 })
