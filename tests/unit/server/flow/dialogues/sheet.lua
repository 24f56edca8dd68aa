flow { id = "sheet", title = "A sheet", escape = { queue = "help" } }

local f, why = form {
  id = "claim",
  title = "Your claim",
  timeout = "2d",
  fields = {
    { id = "order", label = "Order number", required = true, match = "^A\\d+$" },
    { id = "reason", label = "Why?", options = { { "Too small", "Too small" }, { "broken", "Arrived broken" } } },
    { id = "when", label = "Since when?", type = "date" },
    { id = "paid", label = "Paid", type = "number", min = 1 },
    { id = "photo", label = "Is there a photo?", type = "boolean" },
  },
}
if not f then
  return say("No form: " .. why)
end
for name, value in pairs(f) do
  say(name .. " = " .. tostring(value))
end
