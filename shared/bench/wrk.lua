-- Asks for one path and reports what came as one line of JSON. <1-99> in path or body stands for a random number
-- of these. With a body it posts, under a key of its own. Where there are tokens, each request is that of a random user
-- with a token, and <user> stands for its number.

local path, body, tokens, began, count

function init(arguments)
  path, body, tokens = arguments[1], arguments[2], {unpack(arguments, 3)}
  began, count = os.time(), 0
  math.randomseed(began)
end

local function filled(text, user)
  return (text:gsub("<user>", user):gsub("<(%d+)-(%d+)>", function(lowest, highest) return math.random(lowest, highest) end))
end

function request()
  local user = #tokens > 0 and math.random(#tokens) or 0
  local headers = {["Authorization"] = user > 0 and "Bearer " .. tokens[user] or nil}
  if body == "" then
    return wrk.format("GET", filled(path, user), headers)
  end
  count = count + 1
  headers["Content-Type"], headers["Idempotency-Key"] = "application/json", began .. "-" .. count
  return wrk.format("POST", filled(path, user), headers, filled(body, user))
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    '{"requests": %d, "seconds": %f, "p50": %f, "p99": %f, "refused": %d, "broken": %d}',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
