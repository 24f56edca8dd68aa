-- Numbers as text: the same on every machine, whatever language it speaks, and when a run is rebuilt.
flow { id = "numbers", title = "Numbers" }

local function text(list)
  local out = {}
  for i = 1, list.n do
    out[i] = tostring(list[i])
  end
  return table.concat(out, " ")
end

say(text(table.pack(0.1, 1 / 3, 100.0, 2 / 3 * 1e15, 1e15, 1e16, 1e100, 1e-7, 5e-324, 1.7976931348623157e308)))
say(text(table.pack(2 ^ 53, 2 ^ 53 + 1, 2 ^ 63, math.maxinteger, math.mininteger, 1 << 62, 7 // 2, 7 // 2.0, 7 % -3, 7.5 % -2)))
say(text(table.pack(-0.0, 0.0, 1 / 0, -1 / 0, 0 / 0, -(0 / 0), 0 / 0 == 0 / 0, -0.0 == 0.0)))
say(0.1 + 0.2 .. " " .. 3 .. " " .. 3.0 .. " " .. -0.0)
say(string.format("%.14g %.17g %5.2f| %-8.3f| %+.1e %g %d %5d| %x", 0.1, 0.1, 3.14159, 2.5, 12345.678, 1e20, 42, 7, 255))
say(string.format("%s %s %s %.3f %.0f %.0f %g %s", 0.1, 1e100, 2 ^ 53, -0.0005, 0.5, 1.5, 0 / 0, 0 / 0))
say(text(table.pack(tonumber("0.5"), tonumber("1e3"), tonumber("0x1p4"), tonumber("0,5"), tonumber(" 12 "), tonumber("1_000"))))
say(text(table.pack(math.tointeger(3.0), math.floor(-2.5), math.ceil(-2.5), math.type(1), math.type(1.0), 10 // 0.3)))
local said = ask { text = "A number?", type = "number" }
say(said .. " " .. said * 3 .. " " .. fmt.number(said * 1000, 2))
context.set("sum", said + 0.1)
local keys = {}
for key in pairs { [0.5] = 1, [2] = 1, [-1.5] = 1, [1e15] = 1, x = 1 } do
  keys[#keys + 1] = tostring(key)
end
say(table.concat(keys, " "))
