// An independent OAuth client (RFC 8628, RFC 6749) goes through the device flow, and gets along with refresh tokens.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as oauth from 'openid-client';
import { base, control } from './box.mjs';

const scope = 'contact_data account_read offline_access';
const server = `${base}/oauth2/default/v1`;

function client(id) {
  const configuration = new oauth.Configuration(
    { issuer: server, token_endpoint: `${server}/token`, device_authorization_endpoint: `${server}/device/authorize` },
    id, undefined, oauth.None());
  oauth.allowInsecureRequests(configuration); // the sandbox is on loopback
  return configuration;
}

const reach = (token) => fetch(`${base}/v3/account/summary`, { headers: { Authorization: `Bearer ${token}` } }).then((r) => r.status);

// oauthError is the error code of a call that is refused.
const oauthError = (call) => call.then(() => 'none', (e) => e.error ?? e.message);

test('a login by device code, and its refresh tokens', async () => {
  const app = client('node-app');
  const device = await oauth.initiateDeviceAuthorization(app, { scope });
  assert.match(device.user_code, /^[A-Z]{8}$/);
  assert.equal(device.expires_in, 600);
  assert.equal(device.verification_uri, `${base}/activate`);
  const form = await fetch(device.verification_uri_complete).then((page) => page.text());
  assert.ok(form.includes(device.user_code) && form.includes('node-app'), 'the page shows who asks');

  const polling = oauth.pollDeviceAuthorizationGrant(app, device); // pending at first
  await control('POST', `devices/${device.user_code}/approve`);
  const tokens = await polling;
  assert.equal(tokens.token_type, 'bearer'); // the client compares it in lower case
  assert.equal(tokens.expires_in, 86400);
  assert.equal(tokens.scope, scope);
  assert.equal(tokens.access_token.split('.').length, 3);
  assert.equal(await reach(tokens.access_token), 200);

  await control('PATCH', 'settings', { unlimited: true }); // one token request a second is enough for a person
  const renewed = await oauth.refreshTokenGrant(app, tokens.refresh_token);
  assert.notEqual(renewed.refresh_token, tokens.refresh_token);
  assert.equal(await reach(renewed.access_token), 200);
  assert.equal(await oauthError(oauth.refreshTokenGrant(app, tokens.refresh_token)), 'invalid_grant', 'a token is spent by its use');
  assert.equal(await oauthError(oauth.refreshTokenGrant(client('another-app'), renewed.refresh_token)), 'invalid_grant');

  await control('PATCH', 'settings', { long_lived: true });
  const kept = await oauth.refreshTokenGrant(app, renewed.refresh_token);
  assert.equal(kept.refresh_token, renewed.refresh_token);
  await control('PATCH', 'settings', { long_lived: false });
});

test('without offline_access there is no refresh token, and no error', async () => {
  const app = client('node-app');
  const device = await oauth.initiateDeviceAuthorization(app, { scope: 'contact_data' });
  await control('POST', `devices/${device.user_code}/approve`);
  const tokens = await oauth.pollDeviceAuthorizationGrant(app, device);
  assert.equal(tokens.refresh_token, undefined);
  assert.equal(await reach(tokens.access_token), 403, 'the scope account_read was not asked for');
});

test('what goes wrong in a device flow', async () => {
  const app = client('node-app');
  assert.equal(await oauthError(oauth.initiateDeviceAuthorization(app, { scope: 'everything' })), 'invalid_scope');
  assert.equal(await oauthError(oauth.initiateDeviceAuthorization(app, {})), 'invalid_scope');

  const denied = await oauth.initiateDeviceAuthorization(app, { scope });
  await control('POST', `devices/${denied.user_code}/deny`);
  assert.equal(await oauthError(oauth.pollDeviceAuthorizationGrant(app, denied)), 'access_denied');

  const late = await oauth.initiateDeviceAuthorization(app, { scope });
  await control('POST', 'clock', { advance: '10m' });
  assert.equal(await oauthError(oauth.pollDeviceAuthorizationGrant(app, late)), 'expired_token');

  const unknown = oauth.genericGrantRequest(app, 'urn:ietf:params:oauth:grant-type:device_code', { device_code: 'nothing' });
  assert.equal(await oauthError(unknown), 'invalid_grant');

  const nobodys = await oauth.initiateDeviceAuthorization(app, { scope });
  await control('POST', `devices/${nobodys.user_code}/approve_unassigned`);
  const tokens = await oauth.pollDeviceAuthorizationGrant(app, nobodys);
  assert.ok(tokens.refresh_token, 'it looks like any other login');
  assert.equal(await reach(tokens.access_token), 401);
});

test('polling too fast is told to slow down', async () => {
  await control('PATCH', 'settings', { unlimited: false, poll_interval: '5s' });
  const app = client('node-app');
  const device = await oauth.initiateDeviceAuthorization(app, { scope });
  assert.equal(device.interval, 5);
  const poll = () => oauthError(oauth.genericGrantRequest(app, 'urn:ietf:params:oauth:grant-type:device_code', { device_code: device.device_code }));
  await control('POST', 'clock', { advance: '2s' });
  assert.equal(await poll(), 'authorization_pending');
  await control('POST', 'clock', { advance: '2s' });
  assert.equal(await poll(), 'slow_down');
  await control('POST', 'clock', { advance: '1m' });
  assert.equal(await poll(), 'authorization_pending');
});
