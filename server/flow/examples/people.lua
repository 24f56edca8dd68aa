-- Reaching people: the topic, whether anybody is there, a person or a message for one, and afterwards a rating.

flow {
  id = "people",
  title = "Talk to us",
  language = "en",
  start = { button = "Talk to a person", fallback = true },
  escape = { queue = "general" },
}

local topic = ask {
  id = "topic",
  text = "What is it about?",
  choices = { { "billing", "A bill" }, { "tech", "Something does not work" }, { "general", "Something else" } },
  tries = 2,
}
local queue = topic or "general"

local details
if queue == "tech" then
  details = ask { id = "details", text = "What happens, and what did you expect?", timeout = "10m" }
end

if not hours.open(queue) then
  local back = hours.next_open(queue)
  local later = back and ask {
    text = "We are back " .. fmt.when(back) .. ".",
    choices = { { "later", "Write to me then" }, { "note", "Leave a message" }, { "no", "I come back myself" } },
    timeout = "10m",
  }
  if later == "note" then
    local note = ask { id = "note", text = "What should they know?", multiline = true, timeout = "1h" }
    if note then
      handoff { queue = queue, mode = "message", reason = "about: " .. queue, summary = note }
      return say "Thank you. We will answer here - you can close the app."
    end
  end
  if later ~= "later" then
    return say "I am here whenever you come back."
  end
  wait { till = back }
  say "We are open again."
end

local human = handoff {
  queue = queue,
  max_wait = "10m",
  reason = "about: " .. queue,
  summary = details and ("In their words: " .. details) or nil,
  priority = customer.verified and "high" or "normal",
}

if human.outcome == "timeout" then
  local phone = ask { text = "It takes longer today. On which number may we call you?", type = "phone", timeout = "30m" }
  if phone then
    context.set("callback", phone)
    handoff {
      queue = queue,
      mode = "message",
      reason = "call back",
      summary = "Call back: " .. phone,
      priority = "high",
      share = { "topic", "details", "callback" },
    }
    say("We will call you on " .. phone .. ".")
  end
  return
elseif human.outcome == "left" then
  return say "All right. I am here whenever you come back."
end

local score = ask {
  id = "rating",
  text = "How did we do?",
  choices = { { "5", "Very good" }, { "4", "Good" }, { "3", "So so" }, { "2", "Bad" }, { "1", "Very bad" } },
  timeout = "1d",
}
if score then
  log.info("rated", tonumber(score))
  say(tonumber(score) >= 4 and "Thank you!" or "Thank you. We will do better.")
end
