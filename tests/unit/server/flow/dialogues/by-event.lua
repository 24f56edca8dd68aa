flow { id = "by-event", title = "Begun by an event", start = { event = { "parcel.lost", "parcel.late" }, where = { big = true } } }

local days = started.data and started.data.days
say(started.kind .. " " .. (started.event or "none") .. " " .. tostring(days) .. " " .. (started.text or "nothing said"))
local again = wait { event = "parcel.late", timeout = "1d" }
say(again and "Late again: " .. again.days or "Not late again.")
if not started.event or ask "Once more?" == "no" then
  return
end
restart { days = 9 }
