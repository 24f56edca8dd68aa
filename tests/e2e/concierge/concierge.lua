-- One bot for all that a company's services can do. What words mean is for a language service to say; what is still
-- missing, when a service is called, and what stands in the transaction is the flow's.

flow { id = "concierge", title = "How can I help?", escape = { queue = "care" } }

local known = {} -- what the customer has told so far, by kind of transaction
local words, turn = started.text, 1

repeat
  local heard, err = http.post {
    url = "{language}/heard",
    query = { customer = customer.traits.reference },
    json = { turn = turn, words = words },
    tries = 5,
  }
  if err then
    return handoff { reason = "language service: " .. err.kind }
  end

  local question
  for _, wish in ipairs(heard.wishes) do
    local kind = wish.service .. "/" .. wish.intent
    known[kind], question = call("services", { kind = kind, wish = wish, known = known[kind] or {}, first = not known[kind] })
  end
  if heard.over then
    return say "Good bye."
  end
  words = ask { text = question or "Is there anything else that I can do for you?", timeout = "1d" }
  turn = turn + 1
until not words
