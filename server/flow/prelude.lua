-- The part of the library that is Lua: it can be interrupted like any script, and what it calls may wait.
-- `lib` becomes what scripts see, `raw` holds helpers in C, `raw.index` says how a library looks names up.
local lib, raw = ...
local error, pcall, rawget, type = lib.error, lib.pcall, lib.rawget, lib.type
local metafield, sorted_keys, plain = raw.metafield, raw.sorted_keys, raw.tostring

local function need_table(t, name)
  if type(t) ~= "table" then
    error(name .. ": expected a table, got " .. type(t), 3)
  end
end

-- Iteration: lists in their order, everything else by sorted keys. The keys are those of the beginning.

local function next_index(t, i)
  i = i + 1
  local v = t[i]
  if v ~= nil then
    return i, v
  end
end

function lib.ipairs(t)
  if t == nil then
    error("ipairs: expected a table, got nil", 2)
  end
  return next_index, t, 0
end

function lib.pairs(t)
  local custom = metafield(t, "__pairs")
  if custom ~= nil then
    local step, state, first = custom(t)
    return step, state, first
  end
  need_table(t, "pairs")
  local keys, count = sorted_keys(t)
  local at = 0
  return function()
    while at < count do
      at = at + 1
      local key = keys[at]
      local value = rawget(t, key)
      if value ~= nil then
        return key, value
      end
    end
  end, t, nil
end

function lib.tostring(v)
  local custom = metafield(v, "__tostring")
  if custom == nil then
    return plain(v)
  end
  local text = custom(v)
  if type(text) ~= "string" then
    error("'__tostring' must return a string", 2)
  end
  return text
end

local function handled(handler, ok, ...)
  if ok then
    return ok, ...
  end
  return false, handler(...)
end

function lib.xpcall(f, handler, ...)
  return handled(handler, pcall(f, ...))
end

-- A merge sort: stable, the same everywhere, and a comparison that is nonsense only gives a nonsensical order.

local function less_than(a, b)
  return a < b
end

local function merge(from, to, low, middle, high, less)
  local i, j = low, middle
  for k = low, high - 1 do
    if i < middle and (j >= high or not less(from[j], from[i])) then
      to[k] = from[i]
      i = i + 1
    else
      to[k] = from[j]
      j = j + 1
    end
  end
end

function lib.table.sort(t, less)
  need_table(t, "table.sort")
  less = less or less_than
  local n = #t
  local from, to = {}, {}
  for i = 1, n do
    from[i] = t[i]
  end
  local width = 1
  while width < n do
    for low = 1, n, 2 * width do
      local middle, high = low + width, low + 2 * width
      merge(from, to, low, middle < n + 1 and middle or n + 1, high < n + 1 and high or n + 1, less)
    end
    from, to = to, from
    width = 2 * width
  end
  for i = 1, n do
    t[i] = from[i]
  end
end

-- Tables that ask the host when they are read.

local read_customer = lib.customer.read
lib.customer.read = nil
function raw.index.customer(_, key)
  return read_customer(key)
end

local read_start = lib.started.read
lib.started.read = nil
function raw.index.started(_, key)
  return read_start(key)
end

-- Other flows: functions of their own file. The host hears of the call, so that it counts when a run is rebuilt.

local note_call, note_jump, stop, leave = lib.call, lib.jump, lib.stop, lib.on.leave
lib.on.leave = nil

local function returned(count, ...)
  leave(count)
  return ...
end

-- What a flow has said with on.* holds until it returns.
function lib.call(name, data)
  return returned(note_call(name, data), raw.flow(name)(data))
end

function lib.jump(name, data)
  note_jump(name, data)
  raw.flow(name)(data)
  stop()
end

-- What happens while the script stands in a call: functions that the host begins.

local on, keep = lib.on, raw.keep
local note_escape, note_idle, note_event, note_topic = on.escape, on.idle, on.event, on.topic

function on.escape(handler)
  note_escape(keep(handler))
end

function on.idle(after, handler)
  note_idle(after, keep(handler))
end

function on.event(event, handler)
  note_event(event, keep(handler))
end

function on.topic(match, handler)
  note_topic(match, keep(handler))
end

-- Processes are objects: p:step("paid"), p:done(), p:failed("why") change p itself. So the name of the step it is at is p.at.

local process, getmetatable, setmetatable = lib.process, lib.getmetatable, raw.setmetatable
local methods = { __index = {}, __metatable = false }
local fields = { "type", "title", "state", "revision", "data", "version", "missing" }

local function object(p, why)
  if p == nil then
    return nil, why
  end
  p.at, p.step = p.step, nil
  return setmetatable(p, methods)
end

for _, name in lib.ipairs { "start", "get" } do
  local call = process[name]
  process[name] = function(...)
    return object(call(...))
  end
end

local function moves(call)
  return function(p, ...)
    local now, why = call(p, ...)
    if now == nil then
      return nil, why
    end
    for _, field in lib.ipairs(fields) do
      p[field] = now[field]
    end
    p.at = now.step
    if getmetatable(p) == nil then
      setmetatable(p, methods)
    end
    return p
  end
end

for _, name in lib.ipairs { "step", "done", "failed", "stuck" } do
  process[name] = moves(process[name])
  methods.__index[name] = process[name]
end
