-- One transaction: what is told is kept in it, what is missing is asked for, and the service is called when the customer
-- wants it and nothing is missing. Returns what is known, and what to ask next.

flow { id = "transaction", title = "One transaction" }

local it = ...
local wish, known = it.wish, it.known
local told = next(wish.slots) ~= nil

for _, name in ipairs(wish.forget) do
  known[name] = nil
end
for name, value in pairs(wish.slots) do
  known[name] = value
end

local p = process.get { type = it.kind } -- the one that is open
if p and told then
  p = p:step("collecting", wish.slots)
elseif not p and (told or wish.go or it.first) then
  p = process.start { type = it.kind, title = it.title, step = "collecting", data = known }
end
if not p then
  return known -- it is done, and there is nothing new
end

for _, name in ipairs(it.needs) do
  if p.data[name] == nil then
    return known, "What is the " .. replace(name, "_", " ") .. "?"
  end
end
if not wish.go then
  return known, "Shall I go ahead?"
end

local answer, err = http.post {
  url = "{company}/" .. it.kind,
  query = { customer = customer.traits.reference },
  json = { told = p.data },
  tries = 5,
}
if answer then
  local done = answer.booked
  done.result = answer.result
  p:done(done)
  say "It is done."
elseif err.status == 404 then
  p:failed "nothing found"
  say "I am sorry, that is not to be had."
else
  p:stuck("service: " .. err.kind)
  handoff { reason = it.title .. " could not be booked" }
end
return known
