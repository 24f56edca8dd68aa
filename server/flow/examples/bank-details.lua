-- New bank details: asks who it is first, reads them back, and takes "no, I meant ..." for an answer.

flow { id = "bank-details", title = "New bank details", escape = { queue = "accounts" } }

if not call("identity", { why = "your bank details" }) then
  return handoff { queue = "accounts", reason = "not identified" }
end

local iban
repeat
  iban = ask {
    id = "iban",
    text = "What is the new IBAN?",
    match = "^[A-Za-z]{2}[0-9]{2}[A-Za-z0-9 ]{10,34}$",
    invalid = "An IBAN begins with two letters and two digits, as DE12 3456 7890 ...",
    timeout = "1h",
  }
  if not iban then
    return handoff { queue = "accounts", reason = "no valid IBAN" }
  end
  iban = replace(iban:upper(), " ", "")
  local right = ask {
    text = "I understood " .. iban .. ". Is that right?",
    choices = { { "yes", "Yes" }, { "no", "No, I meant another one" } },
  }
until right ~= "no"

local p = process.start { type = "bank-details", key = "bank:" .. iban, title = "New bank details", step = "received" }
local _, err = http.put { url = "{accounts}/bank", auth = secret "accounts", json = { iban = iban }, tries = 3 }
if err then
  p:stuck("the accounts do not answer: " .. err.kind)
  return handoff { queue = "accounts", reason = "bank details not stored", summary = "New IBAN: " .. iban }
end
p:done()
say "Done. Your next invoice goes to the new account."
