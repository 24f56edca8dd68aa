flow { id = "recursion", title = "Calls itself" }

local depth = ... or { n = 0 }
if depth.n == 3 then
  ask "Deep enough?"
end
return 1 + call("recursion", { n = depth.n + 1 })
