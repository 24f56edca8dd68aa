flow { id = "speak", title = "Languages", language = "en" }

texts {
  en = { hello = "Hello {name}!", items = { one = "{n} item", other = "{n} items" }, braces = "{} {Not a name} {name" },
  de = { hello = "Hallo {name}!", items = { one = "{n} Artikel", other = "{n} Artikel" }, braces = "x" },
  ar = { hello = "مرحبا {name}!", items = { zero = "لا شيء", one = "عنصر", two = "عنصران", few = "{n} عناصر", many = "{n} عنصرا", other = "{n} عنصر" }, braces = "x" },
}

local name = ask(t("hello", { name = "you" }))
say(t("hello", { name = name }))
say(t("items", { n = 1 }) .. ", " .. t("items", { n = 3 }) .. ", " .. t("items", { n = 0 }))
say(t "braces")
say(fmt.number(1234567.891) .. " " .. fmt.number(-12) .. " " .. fmt.number(0.5, 1))
say(fmt.money(1234.5, "EUR") .. " " .. fmt.money(-3, "JPY") .. " " .. fmt.money(7, "CHF"))
say(fmt.date "2026-03-01" .. " " .. fmt.date "1.3.2026" .. " " .. fmt.date(0))
local ok, why = pcall(t, "helo")
say(why)
ok, why = pcall(t, "hello")
say(why)
say(call "spoken")
