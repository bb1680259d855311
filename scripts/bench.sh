#!/usr/bin/env bash
# Measures the whole program against the sandbox with its limits lifted: planning against what the sqlite3 shell needs to join two
# normalised, indexed tables of the same content, and reading an export against what it needs to import one into the same table.
# What is compared is run in turns. A million users take five minutes. Usage: [REPEATS=5] scripts/bench.sh [USERS]
set -euo pipefail
n=${1:-1000000}
repeats=${REPEATS:-5}
cd "$(dirname "$0")/.."
for tool in sqlite3 python3 go; do command -v $tool >/dev/null || { echo "$tool is missing" >&2; exit 1; }; done
dir=$(mktemp -d)
sandbox=
trap '[ -z "$sandbox" ] || kill "$sandbox" 2>/dev/null; rm -rf "$dir"' EXIT
go build -trimpath -o "$dir/ccsyncd" ./cmd/ccsyncd
ccsyncd=$dir/ccsyncd
port=$((20000 + RANDOM % 20000))

"$ccsyncd" sandbox --listen 127.0.0.1:$port --contacts "$n" --unlimited --approve >"$dir/sandbox.log" 2>&1 &
sandbox=$!
for _ in $(seq 600); do curl -sf "http://127.0.0.1:$port/_sandbox/status" >/dev/null && break; sleep 0.2; done

# The app's table: the sandbox's addresses, in no order, one in twenty spelled in another case, each with a code.
sqlite3 "$dir/app.db" <<SQL
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, short_code TEXT, first_name TEXT);
WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < $n)
INSERT INTO users (email, short_code, first_name)
SELECT CASE WHEN i % 20 = 0 THEN printf('User%06d@Example.com', i) ELSE printf('user%06d@example.com', i) END,
       printf('K%07d', i), 'Name' FROM c ORDER BY random();
SQL
cat >"$dir/ccsync.toml" <<TOML
[source]
dsn = "app.db"
table = "users"
email = "email"
[[field]]
column = "short_code"
custom_field = "short_code"
[contacts]
unsubscribed = "update"
lists = ["App users"]
[guard]
max_change_percent = 0
max_joins = 0
[limits]
per_second = 1000
per_day = 100000000
[auth]
client_id = "bench"
[endpoints]
api = "http://127.0.0.1:$port/v3"
auth = "http://127.0.0.1:$port/oauth2/default/v1"
[http]
listen = ""
TOML
cd "$dir"
"$ccsyncd" auth login >/dev/null 2>&1

# measure NAME COMMAND...: wall seconds and peak MiB of one command.
measure() {
  python3 - "$@" <<'PY'
import resource, subprocess, sys, time
begin = time.perf_counter()
code = subprocess.run(sys.argv[2:], stdout=open("out.json", "w"), stderr=open("err.log", "w")).returncode
wall = time.perf_counter() - begin
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(f"{sys.argv[1]}\t{wall:.3f}\t{peak:.0f}")
if code not in (0, 3):
    sys.exit(open("err.log").read()[-2000:])
PY
}
field() { python3 -c 'import json,sys; d=json.load(open("out.json")); print(eval(sys.argv[1]))' "$1"; }

echo "$n users, $n contacts"
measure "first sync" "$ccsyncd" --once --output json
field '"  %s: %d requests, %d imports, %d verified" % (d["outcome"], d["requests"], len(d["push"]["activities"]), d["push"]["verified"])'
# An hour later, so that what was just sent is no news any more.
curl -sf -X POST "http://127.0.0.1:$port/_sandbox/clock" -d '{"advance": "1h"}' >/dev/null
"$ccsyncd" --once >/dev/null 2>&1
measure "nothing to do, --once" "$ccsyncd" --once --output json

# The anchor: both sides normalised and clustered in one file, joined both ways.
sqlite3 anchor.db <<SQL
ATTACH 'app.db' AS app; ATTACH 'ccsync.db' AS state;
CREATE TABLE users (email TEXT PRIMARY KEY, code TEXT) WITHOUT ROWID;
CREATE TABLE contacts (email TEXT PRIMARY KEY, code TEXT) WITHOUT ROWID;
INSERT INTO users SELECT lower(email), short_code FROM app.users ORDER BY 1;
INSERT INTO contacts SELECT norm, fields FROM state.contacts ORDER BY 1;
SQL
cat >join.sh <<'SH'
exec sqlite3 anchor.db "SELECT count(*) FROM users u LEFT JOIN contacts c ON c.email = u.email WHERE c.code IS NOT u.code;
SELECT count(*) FROM contacts c LEFT JOIN users u ON u.email = c.email WHERE u.email IS NULL;"
SH
sed 's/^custom_field = "short_code"/&\nunique = true/' ccsync.toml >unique.toml
for _ in $(seq "$repeats"); do
  measure join bash join.sh
  measure plan "$ccsyncd" --dry-run
  measure "plan, unique" "$ccsyncd" --dry-run --config unique.toml
done >times.tsv
sqlite3 app.db "UPDATE users SET short_code = 'X' || short_code WHERE id % 100 = 0"
for _ in $(seq "$repeats"); do
  measure join bash join.sh
  measure "plan, 1 % changed" "$ccsyncd" --dry-run
done >>times.tsv

python3 - <<'PY'
import statistics
rows = [line.rstrip("\n").split("\t") for line in open("times.tsv")]
wall = {name: statistics.median(float(r[1]) for r in rows if r[0] == name) for name in dict.fromkeys(r[0] for r in rows)}
peak = {name: max(int(r[2]) for r in rows if r[0] == name) for name in wall}
for name in wall:
    print(f"{name:24} {wall[name]:8.3f} s  {wall[name] / wall['join']:6.2f} x join  {peak[name]:5d} MiB")
PY
ls -l ccsync.db | awk '{print "state database", $5/1048576, "MiB"}'

# An export into an empty mirror: the program's own benchmark, and the shell with the same table, in the export's order first.
schema=$(sed -n '/^CREATE TABLE contacts/,/^CREATE INDEX contacts_by_norm/p' "$OLDPWD/schema.sql")
sqlite3 -csv "ccsync.db" "SELECT address, permission, lists, fields, updated_at FROM contacts ORDER BY random()" >export.csv
cat >import.sh <<SH
rm -f seed.db*
exec sqlite3 seed.db <<SQL
PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
$schema
CREATE TEMP TABLE staging (address TEXT, permission TEXT, lists TEXT, fields TEXT, updated TEXT);
.import --csv export.csv staging
INSERT INTO contacts SELECT lower(address), '?' || lower(address), address, permission, 0, lists, '', fields, '', '', updated, 1
FROM staging ORDER BY 1;
SQL
SH
for _ in 1 2 3; do measure "the shell's import" bash import.sh; done
cd "$OLDPWD" && go test ./sync -run xxx -bench "MirrorExport/^$n\$/empty" -benchtime 3x | grep Benchmark || true
