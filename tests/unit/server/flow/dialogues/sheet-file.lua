flow { id = "sheet-file", title = "A sheet with files", escape = { queue = "help" } }

local f, why = form {
  id = "claim",
  title = "Your claim",
  submit = "Send",
  tries = 4,
  fields = {
    { id = "reason", label = "Why?", required = true, options = { "size", { "Arrived broken", "Arrived broken" }, "lost" } },
    { id = "seen", label = "Do you have it?", type = "boolean", show_if = { reason = { "size", "Arrived broken" } } },
    {
      id = "photo",
      label = "Photo",
      type = "file",
      accept = { "image/*", "application/pdf" },
      required = true,
      show_if = { reason = "Arrived broken", seen = true },
    },
    { id = "any", label = "Anything else", type = "file" },
  },
}
if not f then
  return say("No form: " .. why)
end
for name, value in pairs(f) do
  if type(value) == "table" then
    say(name .. " = " .. value.name .. ", " .. value.type .. ", " .. value.size)
  else
    say(name .. " = " .. tostring(value))
  end
end
if f.photo then
  local case = http.post { url = "{shop}/cases", json = { photo = f.photo.url } }
  say("Case " .. case.id)
end
