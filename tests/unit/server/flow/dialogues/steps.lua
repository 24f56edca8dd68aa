-- The steps of a process as progress that everybody sees, and a step that there is not.
flow { id = "steps", title = "A claim" }

local p = process.start { type = "claim", key = "claim", title = "Your claim",
                          steps = { "received", { "checked", "We have looked at it" }, "paid" }, data = { sum = 12 } }
say(p.at .. " " .. p.data.progress.step .. "/" .. p.data.progress.of)
ask "Go on?"
p = process.start { type = "claim", key = "claim" }
local fine, why = pcall(p.step, p, "chekced")
say(why)
p:step("checked", { by = "Mira" })
say(p.data.steps[2].label .. " " .. p.data.progress.step .. "/" .. p.data.progress.of)
ask "And now?"
p = process.get { key = "claim" }
p:stuck "no answer"
say(p.at .. " " .. p.data.progress.step)
p:done()
say(p.state .. " " .. p.data.progress.step)
local free = process.start { type = "free", step = "anything" }
say(free:step("else").at)
