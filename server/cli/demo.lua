-- What `parley dev` answers with first: looks up an order, or fetches a person.

flow {
  id = "demo",
  title = "Demo",
  language = "en",
  escape = { queue = "support" }, -- where "Talk to a person" leads, at any moment
}

local name = customer.name
local what = ask {
  id = "what",
  text = (name and "Hello " .. name or "Hello") .. "! I am the bot of this demo. What can I do for you?",
  choices = { { "order", "Track an order" }, { "person", "Talk to a person" } },
  tries = 2,
}

local number
if what == "order" then
  number = ask {
    id = "order_number",
    text = "What is the order number? It is an A and six digits.",
    match = "^A\\d{6}$",
    invalid = "That does not look right. An order number is an A and six digits, as in A123456.",
    tries = 3,
    timeout = "2d",
  }
  if number then
    context.set("order", number)
    say("Order " .. number .. " left our warehouse and arrives tomorrow.")
    local helped = ask {
      id = "helped",
      text = "Did that help?",
      choices = { { "yes", "Yes" }, { "no", "No, I need a person" } },
      timeout = "1h",
    }
    if helped ~= "no" then
      return say "Glad to hear it. Write again whenever you like; I remember everything."
    end
  end
end

local human = handoff {
  queue = "support",
  reason = number and "order " .. number or "asked for a person",
  summary = number and "Asked about order " .. number .. " and wants a person." or nil,
}
if human.outcome == "left" then
  say "All right. I am here whenever you need me."
else
  say "Thank you for talking to us. Write again whenever you like; everything stays here."
end
