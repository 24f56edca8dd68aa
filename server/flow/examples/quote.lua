-- An insurance quote as a process that both sides see. Whoever stops in the middle goes on later, on any device.

flow { id = "quote", title = "A quote for your home", escape = { queue = "sales" } }

local p = process.start { type = "quote", key = "quote", title = "Quote for your home", step = "begun" }
local known = p.data

-- Asks, and keeps the answer in the process. A customer who says nothing has gone: the app tells when they are back.
local function need(name, question)
  while known[name] == nil do
    local answer, why = ask(question)
    if why == "gave_up" then
      handoff { queue = "sales", reason = "quote: no valid " .. name }
      answer = nil
    elseif why == "timeout" then
      say "I have kept what you told me. We go on when you are back."
      if not wait { event = "app.opened", timeout = "30d" } then
        p:failed "given up"
        stop()
      end
      say "Welcome back! We were here:"
    end
    if answer then
      p:step(name, { [name] = answer })
      known = p.data
    end
  end
  return known[name]
end

need("kind", { text = "What do you live in?", choices = { { "flat", "A flat" }, { "house", "A house" } }, timeout = "10m" })
need("area", { text = "How many square metres?", type = "number", min = 10, max = 1000, timeout = "10m" })
need("since", { text = "Since when?", type = "date", timeout = "10m" })
need("claims", { text = "How many claims in five years?", type = "number", min = 0, max = 20, timeout = "10m" })

local price, err = http.post { url = "{rates}/home", json = known, tries = 3 }
if err then
  p:stuck("no rate: " .. err.kind)
  return handoff { queue = "sales", reason = "quote without a rate" }
end
p:step("offered", { price = price.monthly })
local answer = ask {
  text = "That would be " .. fmt.money(price.monthly, "EUR") .. " a month. Do you want it?",
  choices = { { "yes", "Yes" }, { "no", "No, thank you" } },
  timeout = "14d",
}
if answer == "yes" then
  p:done()
  say "Welcome! The contract is in your mail."
else
  p:failed(answer == "no" and "declined" or "not answered")
end
