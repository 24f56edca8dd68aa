flow { id = "events", title = "Events", escape = { queue = "help" } }

ask "Ready?"
local paid = wait {
  event = "invoice.paid",
  where = { id = "I1", full = true },
  timeout = "5d",
  remind = { after = "2d", say = "Still waiting for the money." },
}
say(paid and ("Paid: " .. paid.amount) or "Not paid.")
local first, why = wait { event = "parcel.sent", timeout = "1d" }
say(first and "Sent." or ("Not sent: " .. why))
local second = wait { event = "parcel.sent" }
say("Sent to " .. (second.to or "nowhere") .. ".")
