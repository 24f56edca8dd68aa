-- Who is it? For other flows to call:  if not call("identity", { why = "your bank details" }) then ... end

flow { id = "identity", title = "A check of who you are", escape = { queue = "identity" } }

local data = ...
if customer.verified then
  return true -- signed in: the app has checked already
end

say("Before we talk about " .. (data and data.why or "this") .. ", I have to know that it is you.")
for _ = 1, 2 do
  local born = ask { text = "What is your date of birth?", type = "date", timeout = "15m" }
  local digits = born and ask {
    text = "And the last four digits of your customer number?",
    match = "^\\d{4}$",
    secret = true,
    timeout = "15m",
  }
  if not digits then
    return false
  end
  local answer, err = http.post {
    url = "{accounts}/identity",
    auth = secret "accounts",
    json = { born = born, digits = digits },
    tries = 2,
  }
  if err then
    log.error("identity cannot be checked", err.kind)
    return false
  elseif answer.same then
    say "Thank you."
    return true
  end
  say "That is not what we have here."
end
return false
