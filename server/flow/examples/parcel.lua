-- The parcel on its way: the flow writes when something happens, for as long as that takes. Asked for, or by itself when a
-- parcel is late.

flow {
  id = "parcel",
  title = "Where is my parcel?",
  language = "en",
  start = { button = "Follow my parcel", event = "parcel.delayed" },
  escape = { queue = "parcels" },
}

if started.kind == "event" then
  say("Your parcel " .. started.data.parcel .. " is late: it comes on " .. fmt.date(started.data.day) .. ".")
  local follow = ask {
    text = "Shall I write to you when it moves?",
    choices = { { "yes", "Yes, please" }, { "no", "No" } },
    timeout = "1d",
  }
  if follow ~= "yes" then
    return
  end
  context.set("parcel", started.data.parcel)
end

local number = context.get "parcel" or ask { id = "parcel", text = "What is the parcel's number?", match = "^\\d{8}$" }
if not number then
  return handoff { queue = "parcels", reason = "no parcel number" }
end
context.set("parcel", number)
say "I will write to you here when something happens. You can close the app."

while true do
  local event = wait {
    event = "parcel.moved",
    where = { parcel = number },
    timeout = "10d",
    remind = { after = "4d", say = "Nothing new of your parcel yet. I keep watching it." },
  }
  if not event then
    return handoff { queue = "parcels", reason = "a parcel is lost", summary = "Parcel " .. number, priority = "high" }
  end
  if event.state == "delivered" then
    break
  end
  say("Your parcel is in " .. event.place .. ".")
end

say("Your parcel has been delivered on " .. fmt.date(now()) .. ".")
local points = ask { id = "csat", text = "How did we do?", rating = 5, timeout = "3d" }
if points and points <= 2 then
  local why = ask { id = "csat_why", text = "What went wrong?", multiline = true, timeout = "1d" }
  if why then
    handoff { queue = "parcels", reason = "an unhappy customer", summary = why }
  end
elseif points then
  say "Thank you!"
end
