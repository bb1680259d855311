// What both tests need to know of the sandbox under test: its address, and its control endpoint.
import assert from 'node:assert/strict';

// SANDBOX is the address of a running sandbox, such as http://127.0.0.1:8585.
export const base = process.env.SANDBOX;
assert.ok(base, 'SANDBOX names no sandbox');

// control calls the sandbox's own endpoint, which the real service does not have.
export async function control(method, path, body) {
  const answer = await fetch(`${base}/_sandbox/${path}`, {
    method,
    headers: { 'Content-Type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}
