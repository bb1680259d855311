// A real daemon against a sandbox, for one test: $CCSYNCD is the program, or ccsyncd in the path.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const program = process.env.CCSYNCD ?? "ccsyncd";
export const token = "a-token-for-the-tests";

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

// background starts the program and waits until its output has a match.
async function background(args, options, match) {
  const child = spawn(program, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  await new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (part) => {
        output += part;
        if (match.test(output)) resolve();
      });
    }
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${program} ${args.join(" ")} ended with ${code}:\n${output}`)));
  });
  return child;
}

async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  await once(child, "exit");
}

const rows = `
WITH users(id, email, short_code) AS (VALUES
  (1, 'ann@example.com', 'K7Q2M9'), (2, 'ben@example.com', 'B3N3B3'), (3, 'bob@', 'B0BB0B'))
SELECT * FROM users`;

// installation is a folder with a configuration, a sandbox and a login. Its users are Ann, Ben and
// Bob, who has no address.
export async function installation(t, { http } = {}) {
  const dir = mkdtempSync(join(tmpdir(), "ccsyncd-client-"));
  const [boxPort, port] = [await freePort(), await freePort()];
  const started = [];
  t.after(async () => {
    await Promise.all(started.map(end));
    rmSync(dir, { recursive: true, force: true });
  });
  const listen = http?.listen?.(dir) ?? `127.0.0.1:${port}`;
  const secret = http?.token === false ? "" : `token = "${token}"`;
  writeFileSync(join(dir, "app.db"), "");
  writeFileSync(join(dir, "ccsync.toml"), `
[source]
dsn = "app.db"
query = """${rows}"""
email = "email"
key = "id"
[[field]]
column = "short_code"
custom_field = "short_code"
create = true
[limits]
per_second = 100
[schedule]
cron = "@hourly"
run_on_start = false
[auth]
client_id = "a-client-id"
[http]
listen = "${listen}"
${secret}
`);
  const endpoint = `http://127.0.0.1:${boxPort}`;
  const options = { cwd: dir, env: { ...process.env, CCSYNC_ENDPOINT: endpoint, NO_COLOR: "1" } };
  const sandbox = ["sandbox", "--contacts-from-config", "--approve", "--unlimited", "--listen", `127.0.0.1:${boxPort}`];
  started.push(await background(sandbox, options, /use it/));
  const login = spawnSync(program, ["auth", "login"], { ...options, encoding: "utf8" });
  if (login.status !== 0) throw new Error(`auth login ended with ${login.status}:\n${login.stderr}`);
  return {
    url: listen.startsWith("unix:") ? listen : `http://${listen}`,
    // fault makes the sandbox misbehave.
    fault: (fault) => fetch(`${endpoint}/_sandbox/faults`, { method: "POST", body: JSON.stringify(fault) }),
    // daemon starts the daemon; the child ends with the test.
    async daemon() {
      const child = await background([], options, /status page/);
      started.push(child);
      return child;
    },
  };
}
