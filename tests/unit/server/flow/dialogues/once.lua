-- A call that reaches the service once at most: whether it has is not always known.
flow { id = "once", title = "Pay", escape = { queue = "help" } }

local function pay(n)
  local paid, err = http.post { url = "{bank}/pay", json = { n = n }, once = true }
  say(paid and "Paid " .. paid.id or err.kind .. " " .. tostring(err.status))
end

pay(1)
pay(2)
pay(3)
pay(4)
pay(5)
local fine, why = pcall(http.post, { url = "{bank}/pay", once = true, tries = 2 })
say(why)
