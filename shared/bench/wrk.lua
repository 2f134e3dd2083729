-- Asks for one path and reports what came as one line of JSON. <1-99> in path or body stands for a random number
-- of these. With a body it posts, under a key of its own.

local path, body, began, count

function init(arguments)
  path, body = arguments[1], arguments[2]
  began, count = os.time(), 0
  math.randomseed(began)
end

local function filled(text)
  return (text:gsub("<(%d+)-(%d+)>", function(lowest, highest) return math.random(lowest, highest) end))
end

function request()
  if body == "" then
    return wrk.format("GET", filled(path))
  end
  count = count + 1
  local headers = {["Content-Type"] = "application/json", ["Idempotency-Key"] = began .. "-" .. count}
  return wrk.format("POST", filled(path), headers, filled(body))
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    '{"requests": %d, "seconds": %f, "p50": %f, "p99": %f, "refused": %d, "broken": %d}',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
