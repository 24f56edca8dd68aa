-- How did we do? Points, a few words, and somebody who sees to it when it went wrong; once in a window of thirty days.
-- On its own, or called by other flows where they end:  call("csat", { who = human.by })

flow {
  id = "csat",
  title = "How did we do?",
  language = "en",
  start = { button = "Rate us", match = { "(?i)feedback", "(?i)rate you" } },
  escape = { queue = "care" },
}

texts {
  en = {
    ask = "How did {who} do?", we = "we", invalid = "From 1, very bad, to 5, very good.",
    bad = "I am sorry. What went wrong?", good = "Thank you! What did you like?",
    call = "Thank you for telling us. Shall somebody look into it with you?", yes = "Yes, please", no = "No",
    thanks = "Thank you. It helps us get better.", soon = "You have told us lately. Thank you!",
  },
  de = {
    ask = "Wie zufrieden sind Sie mit {who}?", we = "uns", invalid = "Von 1, sehr schlecht, bis 5, sehr gut.",
    bad = "Das tut uns leid. Was war nicht gut?", good = "Danke! Was hat Ihnen gefallen?",
    call = "Danke für die offenen Worte. Soll sich jemand darum kümmern?", yes = "Ja, bitte", no = "Nein",
    thanks = "Danke. Das hilft uns, besser zu werden.", soon = "Sie haben uns gerade erst bewertet. Danke!",
  },
}

local data = ...
local key = "csat:" .. now() // (30 * 86400000)
if process.get { key = key } then
  if not data then
    say(t "soon") -- who comes to tell is thanked; who was asked by another flow is left in peace
  end
  return nil
end

local points = ask {
  id = "csat",
  text = t("ask", { who = data and data.who or t "we" }),
  rating = 5,
  invalid = t "invalid",
  tries = 2,
  timeout = "3d",
}
if not points then
  return nil -- no answer is an answer
end

-- Kept as a process of the conversation: a back end can count it, and the next one finds it.
local p = process.start { type = "csat", key = key, title = "Rating", step = "rated", data = { points = points } }
log.info("rated", points)

local words = ask {
  id = "csat_words",
  text = points <= 2 and t "bad" or t "good",
  multiline = true,
  timeout = "1d",
}
p:done { words = words }
if points <= 2 then
  local wanted = ask { text = t "call", choices = { { "yes", t "yes" }, { "no", t "no" } }, timeout = "1d" }
  if wanted == "yes" then
    handoff { queue = "care", priority = "high", reason = points .. " of 5 points", summary = words }
  end
end
say(t "thanks")
return points
