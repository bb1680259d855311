// Runs the examples as their READMEs tell people to: install, migrate, sign up, push to a sandbox,
// verified.
//
//   node examples/run.mjs [NAME...]
//
// $CCSYNCD is the program (default: ccsyncd in the path). $CCSYNC_TEST_POSTGRES and
// $CCSYNC_TEST_MYSQL are URLs of servers on which databases may be made. An example whose packages
// cannot be installed here is skipped, and named.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { lookup } from "node:dns/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const program = process.env.CCSYNCD ?? "ccsyncd";
// An empty variable is none.
const servers = {
  postgres: process.env.CCSYNC_TEST_POSTGRES || "postgres://postgres@127.0.0.1:5432/postgres",
  mysql: process.env.CCSYNC_TEST_MYSQL || "mysql://root@127.0.0.1:3306/mysql",
};
const token = "a-token-for-the-examples";

class Skip extends Error {}

const examples = {
  "express-knex": (place) => app(place, "postgres"),
  "express-prisma": (place) => app(place, "postgres", preparePrisma),
  "express-sequelize": (place) => app(place, "mysql"),
  "nestjs-typeorm": (place) => app(place, "postgres", (place) => place.run("npm", "run", "build")),
  ci,
};

// Place is a copy of an example in a scratch folder, with the processes that were started in it.
class Place {
  constructor(name) {
    this.dir = mkdtempSync(join(tmpdir(), `ccsyncd-${name}-`));
    cpSync(join(here, name), this.dir, { recursive: true, filter: (path) => !/node_modules|\/(dist|generated)$/.test(path) });
    this.env = { ...process.env, CC_CLIENT_ID: "a-client-id", CCSYNC_HTTP_TOKEN: token, NO_COLOR: "1", CI: "1" };
    this.children = [];
  }

  // run runs a command to its end, and returns what it printed.
  run(command, ...args) {
    const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: this.dir, env: this.env, encoding: "utf8", timeout: 180_000 });
    if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${error ?? `exit code ${status}`}\n${stdout}${stderr}`);
    return stdout;
  }

  // start starts a command and waits until its output has a match.
  async start(command, args, match) {
    // A group of its own: npm starts a shell, and that the app.
    const child = spawn(command, args, { cwd: this.dir, env: this.env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    this.children.push(child);
    let output = "";
    const late = setTimeout(() => process.kill(-child.pid, "SIGKILL"), 60_000);
    await new Promise((found, failed) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream.on("data", (part) => {
          output += part;
          if (match.test(output)) found();
        });
      }
      child.once("error", failed);
      child.once("exit", (code, signal) => failed(new Error(`${command} ${args.join(" ")}: ended with ${code ?? signal}\n${output}`)));
    });
    clearTimeout(late);
  }

  async close() {
    for (const child of [...this.children].reverse()) {
      if (child.exitCode === null && child.signalCode === null) {
        process.kill(-child.pid, "SIGTERM");
        await once(child, "exit");
      }
    }
    this.closeDatabase?.();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

// app is the story of an example that is an app: two users sign up, and a third after the daemon
// has started.
async function app(place, database, prepare = () => {}) {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19)) throw new Skip(`its packages need Node 20.19, and this is ${process.versions.node}`);
  install(place);
  openDatabase(place, database);
  await prepare(place);
  place.run("npm", "run", "migrate");
  const [port, pagePort, boxPort] = [await freePort(), await freePort(), await freePort()];
  place.env.PORT = String(port);
  place.env.CCSYNC_HTTP_URL = `http://127.0.0.1:${pagePort}`;
  await place.start("npm", ["start"], /listening on/);
  const users = `http://127.0.0.1:${port}/users`;
  const ann = await post(users, { email: "ann@example.com" });
  await post(users, { email: "ben@example.com" });

  appendFileSync(join(place.dir, "ccsync.toml"), `listen = "127.0.0.1:${pagePort}"\n`);
  place.env.CCSYNC_ENDPOINT = `http://127.0.0.1:${boxPort}`;
  const box = ["sandbox", "--contacts-from-config", "--approve", "--unlimited", "--listen", `127.0.0.1:${boxPort}`];
  await place.start(program, box, /use it/);
  place.run(program, "auth", "login");
  place.run(program, "check");
  place.run(program, "--dry-run");
  await place.start(program, [], /run ended/);

  const cat = await post(users, { email: "cat@example.com" });
  for (const { id } of [ann, cat]) {
    const { state } = await post(`${users}/${id}/welcome`, {});
    if (state !== "verified") throw new Error(`user ${id} is ${state}`);
  }
  const contact = await (await fetch(`${place.env.CCSYNC_ENDPOINT}/_sandbox/contacts/cat@example.com`)).json();
  const code = contact.fields?.short_code ?? contact.fields?.["Short code"];
  if (!/^[2-9A-Z]{10}$/.test(code)) throw new Error(`the contact has no code: ${JSON.stringify(contact)}`);
}

async function preparePrisma(place) {
  const reachable = await lookup("binaries.prisma.sh").then(() => true, () => false);
  if (reachable) {
    place.run("npm", "run", "generate");
    return;
  }
  // The client is generated without the engine that migrates; the migration is SQL.
  note("prisma migrate deploy: its engine cannot be downloaded here; psql runs the migration");
  place.env.PRISMA_SCHEMA_ENGINE_BINARY = process.execPath;
  place.run("npm", "run", "generate");
  change(place, "package.json", (text) => text.replace("prisma migrate deploy", "psql -q -v ON_ERROR_STOP=1 -f prisma/migrations/*/migration.sql $DATABASE_URL"));
}

// ci checks a table and a configuration as a build does.
async function ci(place) {
  openDatabase(place, "postgres");
  place.run("psql", "-q", "-c", `CREATE TABLE users (id serial PRIMARY KEY, email text NOT NULL, short_code text, deleted_at timestamptz)`, place.env.DATABASE_URL);
  place.run("psql", "-q", "-c", `INSERT INTO users (email, short_code) VALUES ('ann@example.com', 'K7Q2M9')`, place.env.DATABASE_URL);
  place.env.CCSYNCD = program;
  place.env.SANDBOX = `127.0.0.1:${await freePort()}`;
  place.run("sh", "check.sh");
  place.run("psql", "-q", "-c", "ALTER TABLE users RENAME short_code TO code", place.env.DATABASE_URL);
  const renamed = spawnSync("sh", ["check.sh"], { cwd: place.dir, env: place.env, encoding: "utf8" });
  if (renamed.status !== 78 || !renamed.stdout.includes("short_code")) {
    throw new Error(`a renamed column: exit code ${renamed.status}\n${renamed.stdout}${renamed.stderr}`);
  }
}

// install installs the packages of an example, with the client of this checkout.
function install(place) {
  change(place, "package.json", (text) => text.replace("file:../../npm/client", `file:${resolve(here, "../npm/client")}`));
  try {
    place.run("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--prefer-offline");
  } catch (error) {
    if (/E40[34]|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENOTCACHED/.test(error.message)) throw new Skip(`its packages cannot be installed here: ${error.message.split("\n")[1]}`);
    throw error;
  }
}

function change(place, file, how) {
  const path = join(place.dir, file);
  writeFileSync(path, how(readFileSync(path, "utf8")));
}

// openDatabase makes an empty database, which goes when the place is closed.
function openDatabase(place, kind) {
  const name = `ccsync_example_${process.pid}_${Date.now()}`;
  const url = new URL(servers[kind]);
  const mysql = ["-h", url.hostname, "-P", url.port || "3306", "-u", url.username, ...(url.password ? [`-p${url.password}`] : []), "-e"];
  const sql = (statement) => (kind === "postgres" ? place.run("psql", "-q", "-c", statement, servers.postgres) : place.run("mysql", ...mysql, statement));
  sql(`CREATE DATABASE ${name}`);
  place.closeDatabase = () => sql(`DROP DATABASE ${name}${kind === "postgres" ? " WITH (FORCE)" : ""}`);
  url.pathname = `/${name}`;
  place.env.DATABASE_URL = url.href;
}

async function post(url, body) {
  const answer = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`POST ${url}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

function note(text) {
  console.log(`      skipped: ${text}`);
}

const names = process.argv.length > 2 ? process.argv.slice(2) : readdirSync(here).filter((name) => name in examples);
const count = { passed: 0, failed: 0, skipped: 0 };
for (const name of names) {
  if (!(name in examples)) {
    console.error(`there is no example ${name}; there are ${Object.keys(examples).join(", ")}`);
    process.exit(64);
  }
  const place = new Place(name);
  const began = Date.now();
  const seconds = () => `${((Date.now() - began) / 1000).toFixed(0)}s`;
  try {
    await examples[name](place);
    count.passed++;
    console.log(`ok    ${name} (${seconds()})`);
  } catch (error) {
    if (error instanceof Skip) {
      count.skipped++;
      console.log(`skip  ${name}: ${error.message}`);
    } else {
      count.failed++;
      console.log(`FAIL  ${name} (${seconds()})\n${error.stack}`);
    }
  } finally {
    await place.close();
  }
}
console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
process.exit(count.failed > 0 ? 1 : 0);
