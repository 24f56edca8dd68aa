-- Where is my order? Asks for the number, says what is known, offers a person.

flow {
  id = "order-status",
  title = "Where is my order?",
  language = "en",
  start = { button = "Track an order", match = { "(?i)where.*order", "(?i)track" } },
  escape = { queue = "orders" }, -- where "Talk to a person" leads, at any moment
}

local name = customer.name
if name then
  say("Hello " .. name .. ", I can look that up for you.")
else
  say "I can look that up for you."
end

-- The app may already show an order: then there is nothing to ask.
local number = context.get("order")
if not number then
  number = ask {
    id = "order_number",
    text = "What is the order number? It is an A and six digits.",
    match = "^A\\d{6}$",
    invalid = "That does not look right. An order number is an A and six digits, as in A123456.",
    tries = 3,
    timeout = "2d",
  }
end
if not number then
  return handoff { queue = "orders", reason = "no valid order number" }
end

-- A demonstration needs no shop: the last digit decides.
local last = tonumber(number:sub(-1))
local state = last < 4 and "packed" or last < 8 and "shipped" or "delivered"
context.set("order", number)
context.set("state", state)
log.info("looked up", state)

if state == "shipped" then
  say {
    card = {
      title = "On its way",
      text = "Order " .. number .. " left our warehouse and arrives tomorrow.",
      buttons = { { label = "Follow the parcel", link = "https://parcel.example/" .. number } },
    },
  }
else
  say("Order " .. number .. " is " .. state .. ".")
end

local helped = ask {
  id = "helped",
  text = "Did that help?",
  choices = { { "yes", "Yes" }, { "no", "No, I need a person" }, { "again", "Another order" } },
  timeout = "1h",
}
if helped == "again" then
  context.set("order", nil)
  return restart { reason = "another order" }
elseif helped == "no" then
  local human = handoff { queue = "orders", reason = "order " .. number, summary = "Order " .. number .. " is " .. state .. "." }
  if human.outcome == "left" then
    say "All right. I am here whenever you need me."
  end
elseif helped == "yes" then
  say "Glad to hear it."
end
