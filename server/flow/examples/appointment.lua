-- An appointment: free times from the back end, a reminder the day before, and moving it. Who wants a person when the
-- front desk has gone home is told when it is back, and may be written to then, or leaves a message.

flow { id = "appointment", title = "Make an appointment", zone = "Europe/Berlin", escape = { queue = "front-desk" } }

local function front_desk(reason, summary)
  local back = hours.next_open("front-desk")
  if back and not hours.open("front-desk") then
    local ring = ask {
      text = "The front desk is back on " .. fmt.when(back) .. ". Shall they write to you then?",
      choices = { { "yes", "Yes" }, { "note", "Leave a message" }, { "no", "No, I come back myself" } },
      timeout = "1h",
    }
    if ring == "note" then
      local note = ask { text = "What should they know?", multiline = true, timeout = "1h" }
      handoff { queue = "front-desk", mode = "message", reason = reason, summary = note or summary }
      say "They will answer here."
      stop()
    elseif ring ~= "yes" then
      return say "All right."
    end
    wait { till = back }
  end
  handoff { queue = "front-desk", reason = reason, summary = summary }
end

on.escape(function()
  front_desk("asked for a person")
end)

local function choose()
  local free, err = http.get { url = "{calendar}/free", query = { from = now() }, tries = 2 }
  if err or #free == 0 then
    return nil
  end
  local choices = {}
  for i, slot in ipairs(free) do
    if i <= 5 then
      choices[i] = { slot.id, slot.label }
    end
  end
  if #choices == 1 then
    table.insert(choices, { "none", "Another time" })
  end
  local id = ask { id = "slot", text = "When does it suit you?", choices = choices, timeout = "1h" }
  for _, slot in ipairs(free) do
    if slot.id == id then
      return slot
    end
  end
end

local slot = choose()
if not slot then
  return front_desk("no time found")
end

while slot do
  local _, err = http.post { url = "{calendar}/book", json = { slot = slot.id }, tries = 3 }
  if err and err.status == 409 then
    say "Somebody was faster, I am sorry."
    slot = choose()
  elseif err then
    return front_desk("cannot book: " .. err.kind, slot.label)
  else
    say("Booked: " .. slot.label .. ". I will remind you the day before.")
    wait { till = slot.at - 86400000 }
    local coming = ask {
      text = "Tomorrow: " .. slot.label .. ". Are you coming?",
      choices = { { "yes", "Yes" }, { "move", "Another time" }, { "no", "No" } },
      timeout = "20h",
    }
    if coming ~= "yes" and coming then
      http.delete { url = "{calendar}/book", query = { slot = slot.id }, tries = 3 }
    end
    if coming ~= "move" then
      return say(coming == "no" and "Thank you for telling us." or "See you tomorrow!")
    end
    slot = choose()
  end
end
