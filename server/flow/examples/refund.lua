-- A refund that lasts for days: a process that both sides see, reminders, and a decision.

flow {
  id = "refund",
  title = "Return an item",
  language = "en",
  start = { button = "Return an item", match = "(?i)return" },
  escape = { queue = "returns" },
}

local order = ask {
  id = "order",
  text = "Which order is it? The number is an A and six digits.",
  match = "^A\\d{6}$",
}
if not order then
  return handoff { queue = "returns", reason = "no valid order number" }
end

local reason = ask {
  id = "reason",
  text = "Why are you returning it?",
  choices = { { "size", "Wrong size" }, { "broken", "Arrived broken" }, { "other", "Something else" } },
}
if reason == "other" then
  reason = ask { id = "reason_text", text = "What is it?" }
end

-- The same order is the same process, however often somebody asks.
local key = "refund:" .. order
local p = process.start {
  type = "refund",
  key = key,
  title = "Refund " .. order,
  steps = { { "received", "We have it" }, { "reminded", "Still being checked" }, { "decided", "Decided" } },
  data = { order = order, reason = reason or "not said" },
}
if p.state ~= "open" then
  return say("The refund for " .. order .. " is already " .. p.state .. ".")
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
    summary = "Order " .. order,
    priority = "high",
  }
  local closed, why = p:done { decided_by = human.by or "unknown" }
  if not closed then
    log.warn("the refund could not be closed", why)
  end
  say "Your refund has been decided. Thank you for your patience."
end
