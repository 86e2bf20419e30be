-- Writes line protocol, as the environment says: BENCH_BODY (a file), BENCH_PATH, BENCH_LOGIN (Authorization values, one a line, taken in turn),
-- BENCH_DATABASES (how many of them, taken in turn). Prints one line of JSON at the end.
local requests, at = {}, 0

function init()
  local file = assert(io.open(os.getenv("BENCH_BODY"), "rb"))
  local body = file:read("*a")
  file:close()
  local databases = tonumber(os.getenv("BENCH_DATABASES") or "1")
  for login in (os.getenv("BENCH_LOGIN") .. "\n"):gmatch("([^\n]*)\n") do
    local headers = { ["Host"] = wrk.host, ["User-Agent"] = "InfluxDBClient" }
    if login ~= "" then headers["Authorization"] = login end
    local path = os.getenv("BENCH_PATH") .. "?consistency=&db=telegraf" .. (#requests % databases) .. "&precision=ns&rp=autogen"
    requests[#requests + 1] = wrk.format("POST", path, headers, body)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local e = summary.errors
  print(string.format('{"requests":%d,"microseconds":%d,"refused":%d,"broken":%d,"p50":%d,"p99":%d}',
    summary.requests, summary.duration, e.status, e.connect + e.read + e.write + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
