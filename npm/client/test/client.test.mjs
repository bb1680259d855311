import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import * as ccsync from "@ccsyncd/client";
import { installation, token } from "./support/daemon.mjs";

const refused = (code, ...words) => (error) => {
  assert.ok(error instanceof ccsync.CcsyncError, error);
  assert.equal(error.code, code);
  for (const word of words) assert.match(error.message, word);
  return true;
};

describe("push", { concurrency: true }, () => {
  test("push waits until users are verified, and tells why one is skipped", async (t) => {
    const place = await installation(t);
    await place.daemon();
    const client = ccsync.createClient({ url: place.url, token });
    const { run, users } = await client.push({ emails: ["ann@example.com", "dan@example.com"], keys: [2, 3n, "4"], wait: "60s" });
    assert.equal(typeof run, "number");
    assert.deepEqual(users, [
      { email: "ann@example.com", state: "verified" },
      { email: "dan@example.com", state: "skipped", reason: "not_in_source" },
      { key: "2", state: "verified" },
      { key: "3", state: "skipped", reason: "invalid_email" },
      { key: "4", state: "skipped", reason: "not_in_source" },
    ]);
    assert.equal(typeof (await client.push()).run, "number");

    const wrong = ccsync.createClient({ url: place.url, token: "another-token-altogether" });
    await assert.rejects(wrong.push({ keys: [1] }), refused("unauthorized", /\[http\] token/));
    await assert.rejects(client.push({ keys: [1], wait: "24h" }), refused("invalid", /at most 10m/));
  });

  test("the environment tells address and token", async (t) => {
    const place = await installation(t, { http: { listen: (dir) => `unix:${join(dir, "http.sock")}` } });
    await place.daemon();
    const kept = { ...process.env };
    t.after(() => { process.env = kept; });
    process.env.CCSYNC_HTTP_URL = place.url;
    delete process.env.CCSYNC_HTTP_TOKEN;
    await assert.rejects(ccsync.push({ keys: [1] }), refused("no_token", /CCSYNC_HTTP_TOKEN/));
    process.env.CCSYNC_HTTP_TOKEN = token;
    const { users } = await ccsync.push({ keys: [1], wait: "0s" });
    assert.deepEqual(users, [{ key: "1", state: "pending" }]);
    const required = createRequire(import.meta.url)("@ccsyncd/client");
    assert.equal(required.push, ccsync.push);
  });

  test("a daemon that restarts is asked again after Retry-After", async (t) => {
    const place = await installation(t);
    const first = await place.daemon();
    await place.fault({ kind: "activity_slow", delay: "8s", times: 1 });
    const client = ccsync.createClient({ url: place.url, token });
    const begun = await client.push({ keys: [1], wait: "1s" });
    assert.equal(begun.users[0].state, "pending"); // in the slow import
    const waiting = client.push({ keys: [2], wait: "60s" }); // for the run after that one
    await client.push({ keys: [2], wait: "1s" });
    first.kill("SIGTERM"); // answers 503
    await once(first, "exit");
    await place.daemon();
    assert.deepEqual((await waiting).users, [{ key: "2", state: "verified" }]);
  });

  test("what goes wrong has a code and says what helps", async (t) => {
    const place = await installation(t, { http: { token: false } });
    const client = ccsync.createClient({ url: place.url, token, timeout: 1000 });
    await assert.rejects(client.push({ keys: [1] }), refused("unreachable", /ECONNREFUSED/, /\[http\] listen/));
    await place.daemon();
    await assert.rejects(client.push({ keys: [1] }), refused("forbidden", /no \[http\] token/));
  });

  test("waiting ends when the time is up or the caller stops it", async (t) => {
    const silent = createServer().listen(0, "127.0.0.1"); // no daemon stays silent
    await once(silent, "listening");
    t.after(() => silent.close());
    const client = ccsync.createClient({ url: `http://127.0.0.1:${silent.address().port}`, token, timeout: 50 });
    await assert.rejects(client.push({ keys: [1], wait: "0s" }), refused("timeout", /did not answer/));
    const stopped = client.push({ keys: [1], wait: "60s", signal: AbortSignal.timeout(50) });
    await assert.rejects(stopped, { name: /AbortError|TimeoutError/ });
  });

  test("a malformed request is a TypeError before anything is sent", async () => {
    const client = ccsync.createClient({ url: "http://127.0.0.1:9", token });
    for (const request of [null, "ann@example.com", {}, { emails: [] }, { emails: "ann@example.com" }, { emails: [undefined] }, { keys: [""] },
      { keys: [NaN] }, { emails: ["ann@example.com"], wait: 60 }, { emails: ["ann@example.com"], wait: "soon" }, { email: "ann@example.com" }]) {
      await assert.rejects(client.push(request), TypeError, JSON.stringify(request));
    }
    assert.throws(() => ccsync.createClient({ url: "127.0.0.1:8484" }), /http:\/\/127\.0\.0\.1:8484/);
    assert.throws(() => ccsync.createClient({ timeout: 0 }), TypeError);
  });
});
