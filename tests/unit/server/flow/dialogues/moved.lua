-- A process is one thing: whoever holds it sees where it has moved to, in this run and in one that is rebuilt.
flow { id = "moved", title = "An order" }

local p = process.start { type = "order", step = "cart", data = { sum = 12 } }
local same, data = p, p.data
ask "Go on?"
local q = p:step("paid", { by = "card" })
say(p.at .. " " .. p.revision .. " " .. p.data.by .. " " .. tostring(data.by))
say(tostring(q == p and same == p))
p:stuck "no parcel service"
say(p.at .. " " .. p.state .. " " .. p.data.stuck)
ask "Still?"
say(p.at .. " " .. p.state)
local none, why = p:step("sent", { at = "noon" })
say(none and p.at or why .. " " .. p.at .. " " .. p.revision)
p.note = "mine"
p:done()
say(p.state .. " " .. p.at .. " " .. p.note)
local other = process.start { type = "return", title = "A parcel", step = "asked" }
other:done { money = 5 }
say(other.state .. " " .. other.title .. " " .. other.data.money)
other = process.start { type = "complaint" }
other:failed("no receipt")
say(other.state .. " " .. other.data.reason)
local plain = { process = process.start { type = "loose" }.process }
say(process.step(plain, "tight").at .. " " .. plain.type .. " " .. plain:done().state)
local own = setmetatable({ process = process.start { type = "wrapped" }.process }, { __index = { hello = "hello" } })
say(process.done(own).state .. " " .. own.hello)
ask "And now?"
say(p.state .. " " .. p.at .. " " .. other.state .. " " .. plain.state .. " " .. own.hello)
