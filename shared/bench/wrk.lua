-- Asks for one path, with a random number where it has a %d, and reports what came as one line of JSON.

local path, highest

function init(arguments)
  path, highest = arguments[1], tonumber(arguments[2])
  math.randomseed(os.time())
end

function request()
  return wrk.format("GET", highest > 0 and path:format(math.random(highest)) or path)
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    '{"requests": %d, "seconds": %f, "p50": %f, "p99": %f, "refused": %d, "broken": %d}',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
