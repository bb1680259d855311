#!/usr/bin/env bash
# Measures the whole program against the sandbox with its limits lifted: planning, and the daemon's idle tick, against what the sqlite3
# shell needs to join two normalised, indexed tables of the same content; reading an export against what it needs to import one into the
# same table; reading and sorting the users of PostgreSQL and MariaDB, where they answer on this machine, against what these need
# to sort them. What is compared is run in turns. A million users take six minutes. Usage: [REPEATS=5] scripts/bench.sh [USERS]
set -euo pipefail
n=${1:-1000000}
repeats=${REPEATS:-5}
cd "$(dirname "$0")/.."
for tool in sqlite3 python3 go; do command -v $tool >/dev/null || { echo "$tool is missing" >&2; exit 1; }; done
dir=$(mktemp -d)
sandbox=
daemon=
psql="psql -wqX -h 127.0.0.1 -U postgres"
mariadb="mariadb -h 127.0.0.1 -u root --local-infile=1"
clean() {
  kill $sandbox $daemon
  $psql -c 'DROP DATABASE IF EXISTS ccsyncd_bench'
  $mariadb -e 'DROP DATABASE IF EXISTS ccsyncd_bench'
  rm -rf "$dir"
}
trap 'set +e; clean >/dev/null 2>&1' EXIT
go build -trimpath -o "$dir/built" ./cmd/ccsyncd
cp "$dir/built" "$dir/ccsyncd" # as an installed one lies on the disk: the linker leaves its own in larger pieces, which count as memory
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
# Two hours later, so that what was just sent is no news any more. It takes two steps: a clock that jumped makes the program look
# back as far as it jumped.
for _ in 1 2; do
  curl -sf -X POST "http://127.0.0.1:$port/_sandbox/clock" -d '{"advance": "1h"}' >/dev/null
  "$ccsyncd" --once >/dev/null 2>&1
done
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
# The daemon looks each second. In every third somebody writes to the app's database, though not to its users, so that they are read.
sqlite3 app.db "CREATE TABLE news (id INTEGER PRIMARY KEY)"
sed '$a [schedule]\ncron = "@every 1s"\nrun_on_start = true\n[log]\nlevel = "debug"\nformat = "json"' ccsync.toml >daemon.toml
"$ccsyncd" --config daemon.toml 2>daemon.log &
daemon=$!
for _ in $(seq 120); do grep -q '"nothing to do"' daemon.log && break; sleep 0.5; done
for _ in $(seq "$repeats"); do
  sqlite3 app.db "INSERT INTO news DEFAULT VALUES"
  sleep 3
  measure join bash join.sh
done >>times.tsv
kill "$daemon"
wait "$daemon" || true
daemon=
sqlite3 app.db "UPDATE users SET short_code = 'X' || short_code WHERE id % 100 = 0"
for _ in $(seq "$repeats"); do
  measure join bash join.sh
  measure "plan, 1 % changed" "$ccsyncd" --dry-run
done >>times.tsv

python3 - <<'PY'
import json, statistics
rows = [line.rstrip("\n").split("\t") for line in open("times.tsv")]
wall = {name: statistics.median(float(r[1]) for r in rows if r[0] == name) for name in dict.fromkeys(r[0] for r in rows)}
peak = {name: max(int(r[2]) for r in rows if r[0] == name) for name in wall}
for name in wall:
    print(f"{name:24} {wall[name]:8.3f} s  {wall[name] / wall['join']:6.2f} x join  {peak[name]:5d} MiB")
ticks = [json.loads(line)["seconds"] for line in open("daemon.log") if '"nothing to do"' in line]
read = [t for t in ticks if t > wall["join"] / 20]
if read:
    print(f"{'idle tick, users read':24} {statistics.median(read):8.3f} s  {statistics.median(read) / wall['join']:6.2f} x join")
quick = [t for t in ticks if t not in read]
if quick:
    print(f"{'idle tick, unchanged':24} {statistics.median(quick) * 1e3:8.3f} ms")
PY
ls -l ccsync.db | awk '{print "state file", $5/1048576, "MiB"}'

# The users in other databases. The shell sorts by the bytes of the address, as the program does.
sqlite3 -csv app.db "SELECT id, email, short_code FROM users" >users.csv
elsewhere() { # NAME DSN LOAD SORT
  sh -c "$3" >load.log 2>&1 || { echo "$1 does not answer: $(tail -n 1 load.log)"; return; }
  sed "s#^dsn = .*#dsn = \"$2\"#" ccsync.toml >elsewhere.toml
  sqlite3 ccsync.db "DELETE FROM facts WHERE name = 'home_source'"
  for _ in $(seq "$repeats"); do
    measure "sort $1" sh -c "$4"
    measure "plan $1" "$ccsyncd" --dry-run --config elsewhere.toml
    sed -n 's/.*"step":"source".*"seconds":\([0-9.]*\).*/read '"$1"'\t\1\t0/p' err.log
  done >elsewhere.tsv
  python3 - <<'PY'
import statistics
rows = [line.rstrip("\n").split("\t") for line in open("elsewhere.tsv")]
names = list(dict.fromkeys(r[0] for r in rows))
wall = {name: statistics.median(float(r[1]) for r in rows if r[0] == name) for name in names}
for name in names:
    print(f"{name:24} {wall[name]:8.3f} s  {wall[name] / wall[names[0]]:6.2f} x the database's own sort")
PY
}
elsewhere PostgreSQL "postgres://postgres@127.0.0.1:5432/ccsyncd_bench?sslmode=disable" "
  $psql -c 'DROP DATABASE IF EXISTS ccsyncd_bench' -c 'CREATE DATABASE ccsyncd_bench' &&
  $psql -d ccsyncd_bench -c 'CREATE TABLE users (id BIGINT PRIMARY KEY, email TEXT NOT NULL UNIQUE, short_code TEXT)' \
    -c '\copy users FROM users.csv CSV' -c 'VACUUM ANALYZE users'" \
  "exec $psql -d ccsyncd_bench -c 'COPY (SELECT id, email, short_code FROM users ORDER BY lower(email) COLLATE \"C\") TO STDOUT' >/dev/null"
elsewhere MariaDB "mysql://root@127.0.0.1:3306/ccsyncd_bench" "
  $mariadb -e 'CREATE OR REPLACE DATABASE ccsyncd_bench' &&
  $mariadb ccsyncd_bench -e 'CREATE TABLE users (id BIGINT PRIMARY KEY, email VARCHAR(191) NOT NULL UNIQUE, short_code VARCHAR(64));
    LOAD DATA LOCAL INFILE \"users.csv\" INTO TABLE users FIELDS TERMINATED BY \",\"; ANALYZE TABLE users'" \
  "exec $mariadb ccsyncd_bench --quick -NBe 'SELECT id, email, short_code FROM users ORDER BY LOWER(email) COLLATE utf8mb4_bin' >/dev/null"

# An export into an empty mirror: the program's own benchmark, and the shell with the same table, in the export's order first.
sizes=$(sed -n '/^func BenchmarkMirrorExport/,/^}/s/.*\[\]int{\(.*\)} {/\1/p' "$OLDPWD/sync/mirror/bench_test.go" | tr -d _)
case ", $sizes, " in
*", $n, "*) ;;
*) echo "export skipped: its benchmark has only these numbers of contacts: $sizes"; exit ;;
esac
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
cd "$OLDPWD" && go test ./sync/mirror -run xxx -bench "MirrorExport/^$n\$/empty" -benchtime 3x | grep Benchmark
