-- A refund that lasts for days: one sheet with a photo of what arrived broken, a process that both sides see, reminders,
-- and a decision.

flow {
  id = "refund",
  title = "Return an item",
  language = "en",
  start = { button = "Return an item", match = "(?i)return" },
  escape = { queue = "returns" },
}

local f, why = form {
  id = "return",
  title = "Return an item",
  submit = "Send",
  timeout = "2d",
  fields = {
    { id = "order", label = "Order number", required = true, match = "^A\\d{6}$" },
    {
      id = "reason",
      label = "Why?",
      required = true,
      options = { { "size", "Wrong size" }, { "broken", "Arrived broken" }, { "other", "Something else" } },
    },
    { id = "photo", label = "Photo", type = "file", accept = "image/*", required = true, show_if = { reason = "broken" } },
    { id = "words", label = "What is it?", show_if = { reason = "other" } },
  },
}
if why == "timeout" then
  return say "I have closed the sheet. Come back whenever you like."
elseif not f then
  return handoff { queue = "returns", reason = "the sheet was not filled in" }
end

-- The same order is the same process, however often somebody asks.
local key = "refund:" .. f.order
local p = process.start {
  type = "refund",
  key = key,
  title = "Refund " .. f.order,
  steps = { { "received", "We have it" }, { "reminded", "Still being checked" }, { "decided", "Decided" } },
  data = { order = f.order, reason = f.words or f.reason },
}
if p.state ~= "open" then
  return say("The refund for " .. f.order .. " is already " .. p.state .. ".")
end

-- The shop fetches the photo at the address that `url` becomes; without it a person has to look.
if f.photo then
  local _, err = http.post { url = "{shop}/refunds", json = { order = f.order, photo = f.photo.url }, tries = 3 }
  if err then
    p:stuck("the shop has no photo: " .. err.kind)
  end
end

say "Thank you. I will write to you here as soon as it is checked - you can close the app."
wait "2d"

-- Days later the back end, or an agent, may have moved it: read it again.
p = process.get { key = key }
if p.state == "open" and p.at == "received" then
  say "Still being checked. You need not do anything."
  p:step("reminded", { reminded_at = now() })
  wait "3d"
  p = process.get { key = key }
end

if p.state == "done" then
  say "Good news: your refund is on its way to you."
elseif p.state == "failed" then
  handoff { queue = "returns", reason = "refund refused: " .. (p.data.reason or "no reason given") }
else
  local human = handoff {
    queue = "returns",
    reason = "refund undecided after 5 days",
    summary = "Order " .. f.order,
    priority = "high",
  }
  local closed, undone = p:done { decided_by = human.by or "unknown" }
  if not closed then
    log.warn("the refund could not be closed", undone)
  end
  say "Your refund has been decided. Thank you for your patience."
end
