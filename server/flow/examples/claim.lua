-- A claim: one sheet of twelve fields in two languages, one of them written from right to left.

flow { id = "claim", title = "Report a damage", language = "en", escape = { queue = "claims" } }

texts {
  en = {
    intro = "I am sorry to hear that. Please tell us what has happened.",
    title = "Your claim", policy = "Policy number", name = "Full name", email = "E-mail", phone = "Phone", day = "Day of the damage",
    place = "Place", kind = "What is it?", water = "Water", fire = "Fire", theft = "Theft", what = "What is damaged?",
    worth = "Estimated worth", police = "Were the police there?", file = "File number of the police", account = "IBAN",
    again = "Something is missing or not right.",
    thanks = "Thank you, {name}. Your claim of {day} over {sum} is claim {number}.",
    later = "I have closed the sheet. Come back whenever you like.",
  },
  ar = {
    intro = "يؤسفني ذلك. أخبرنا بما حدث من فضلك.",
    title = "مطالبتك", policy = "رقم الوثيقة", name = "الاسم الكامل", email = "البريد الإلكتروني", phone = "الهاتف", day = "يوم الضرر",
    place = "المكان", kind = "ما نوعه؟", water = "ماء", fire = "حريق", theft = "سرقة", what = "ما الذي تضرر؟",
    worth = "القيمة التقديرية", police = "هل حضرت الشرطة؟", file = "رقم ملف الشرطة", account = "رقم الحساب الدولي",
    again = "هناك شيء ناقص أو غير صحيح.",
    thanks = "شكرا {name}. مطالبتك ليوم {day} بمبلغ {sum} رقمها {number}.",
    later = "أغلقت النموذج. عد متى شئت.",
  },
}

say(t "intro")
local f = form {
  id = "claim",
  title = t "title",
  invalid = t "again",
  timeout = "2d",
  fields = {
    { id = "policy", label = t "policy", required = true, match = "^P\\d{6}$" },
    { id = "name", label = t "name", required = true },
    { id = "email", label = t "email", type = "email", required = true },
    { id = "phone", label = t "phone", type = "phone" },
    { id = "day", label = t "day", type = "date", required = true },
    { id = "place", label = t "place" },
    { id = "kind", label = t "kind", required = true, options = { { "water", t "water" }, { "fire", t "fire" }, { "theft", t "theft" } } },
    { id = "what", label = t "what", required = true },
    { id = "worth", label = t "worth", type = "number", min = 1, max = 1000000, required = true },
    { id = "police", label = t "police", type = "boolean" },
    { id = "file", label = t "file" },
    { id = "account", label = t "account" },
  },
}
if not f then
  return say(t "later")
end

local case, err = http.post { url = "{claims}/claims", json = f, auth = secret "claims", tries = 3 }
if err then
  return handoff { queue = "claims", reason = "claim not stored: " .. err.kind, summary = f.what }
end
process.start { type = "claim", key = "claim:" .. case.number, title = t "title", step = "received", data = { kind = f.kind } }
say(t("thanks", { name = f.name, day = fmt.date(f.day), sum = fmt.money(f.worth, "EUR"), number = case.number }))
if f.worth > 10000 then
  handoff { queue = "claims", reason = "a claim over " .. fmt.money(f.worth, "EUR"), priority = "high" }
end
