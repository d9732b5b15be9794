-- A write per request, each under a key of its own. BODY is the body; keys differ per thread.
local thread = 0
function setup(t) t:set("id", thread); thread = thread + 1 end
function init() n = 0; salt = os.getenv("SALT"); body = os.getenv("BODY") end
function request()
  n = n + 1
  return wrk.format("POST", nil, {
    ["Authorization"] = "Bearer " .. os.getenv("TOKEN"),
    ["Content-Type"] = "application/json",
    ["Idempotency-Key"] = salt .. "-" .. id .. "-" .. n,
  }, body)
end
