-- A tree of questions, a branch in a file of its own, and a person who knows what was tried.

flow { id = "troubleshooting", title = "Something does not work", language = "en", escape = { queue = "tech" } }

local device = ask {
  id = "device",
  text = "What does not work?",
  choices = { { "router", "The internet" }, { "tv", "The television" }, { "other", "Something else" } },
  correct = true, -- "no, I meant the television", in the middle of the other branch
}

local solved, tried
if device == "router" then
  solved, tried = call("trouble-router")
elseif device == "tv" then
  solved = ask { text = "Is the light of the box green?", choices = { "yes", "no" } } == "yes"
  tried = { "looked at the light" }
end

if solved then
  return say "Glad that it works again!"
end
local human = handoff {
  queue = "tech",
  reason = "trouble: " .. (device or "not said"),
  summary = tried and ("Tried: " .. table.concat(tried, ", ")) or nil,
}
if human.outcome == "resolved" then
  call("csat", { who = human.by }) -- a flow of its own, that others end with too
end
