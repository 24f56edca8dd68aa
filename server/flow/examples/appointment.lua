-- An appointment: free times from the back end, a reminder the day before, and moving it.

flow { id = "appointment", title = "Make an appointment", escape = { queue = "front-desk" } }

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
  return handoff { queue = "front-desk", reason = "no time found" }
end

while slot do
  local _, err = http.post { url = "{calendar}/book", json = { slot = slot.id }, tries = 3 }
  if err and err.status == 409 then
    say "Somebody was faster, I am sorry."
    slot = choose()
  elseif err then
    return handoff { queue = "front-desk", reason = "cannot book: " .. err.kind, summary = slot.label }
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
