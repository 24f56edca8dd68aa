-- Opening hours, load, and times by the clock of a zone.
flow { id = "hours", title = "Hours", zone = "Europe/Berlin" }

local function ask_hours()
  local at, why = hours.next_open("care")
  if hours.open("care") then
    say "Open."
  elseif at then
    say("Back " .. fmt.when(at) .. ", in London " .. fmt.when(at, "Europe/London") .. ".")
  else
    say("Not at all: " .. why)
  end
  local load = queue.load("care")
  say("Waiting " .. load.waiting .. ", free " .. load.free .. " of " .. load.agents)
end

while true do
  ask_hours()
  local more = ask { text = "More?", choices = { "Yes", "Wait" } }
  if more == "Wait" then
    wait { till = hours.next_open("care") }
    say("Now it is " .. fmt.when(now()) .. ", " .. fmt.date(now()))
  end
end
