-- Answers that are put right across flows that call each other, in topics, on sheets, and more of them than are kept.
flow { id = "meant-outer", title = "A delivery" }

if started.text == "count" then
  for i = 1, 18 do
    local n = ask { text = i .. "?", match = "^(?:" .. i .. "|x" .. i .. ")$", correct = true }
    log.info("told", n)
  end
  ask "And?"
  say "Done."
  return restart()
end
local what = ask { id = "what", text = "What?", match = "^(?:a|the) ", correct = true, tries = 2 }
local id = uuid()
local where = call "meant-inner"
local again = ask { text = what .. " to " .. where .. ": right?", choices = { "Yes", "No" } }
say(again == "Yes" and "Thanks." or "No? " .. (id == uuid() and "the same" or "another"))
if again == "No" then
  restart { second = true }
end
