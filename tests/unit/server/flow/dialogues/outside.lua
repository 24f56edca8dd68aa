flow { id = "outside", title = "Outside", escape = { queue = "help" } }

local number = ask "Number?"
local order, err = http.get {
  url = "{shop}/orders/" .. number,
  query = { full = 1, lang = "en" },
  auth = secret "shop",
  timeout = "5s",
  tries = 3,
}
if err then
  say("No order: " .. err.kind .. " " .. tostring(err.status) .. " " .. tostring(err.body and err.body.why))
else
  say("The order is " .. order.state .. ", " .. #order.lines .. " lines.")
end
local case, err2 = http.post { url = "{shop}/refunds", json = { order = number } }
say(case and ("Case " .. case.id) or err2.kind)
say(tostring(http.delete { url = "{shop}/carts/1" }))
local ok, why = pcall(http.get, { url = "{shop}/../admin" })
say(why)
local text = http.get "{shop}/motd"
say(text)
