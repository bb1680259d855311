// Constant Contact's own TypeScript SDK drives the sandbox. What the SDK expects of the service, the sandbox has to do.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AccountServicesApi, BulkActivitiesApi, Configuration, ContactListsApi, ContactTagsApi, ContactsApi, ContactsCustomFieldsApi,
} from 'ctct-api-client';
import { base, control } from './box.mjs';

let contacts, lists, fields, tags, bulk, account;

// speak makes the clients of the SDK for an access token.
function speak(accessToken) {
  const configuration = new Configuration({ accessToken, basePath: `${base}/v3` });
  contacts = new ContactsApi(configuration);
  lists = new ContactListsApi(configuration);
  fields = new ContactsCustomFieldsApi(configuration);
  tags = new ContactTagsApi(configuration);
  bulk = new BulkActivitiesApi(configuration);
  account = new AccountServicesApi(configuration);
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

// named turns an object into the positional arguments of getAllContacts.
const allContacts = (by = {}, options = {}) => contacts.getAllContacts(
  by.status, by.email, by.lists, by.segmentId, by.tags, by.updatedAfter, by.updatedBefore, by.createdAfter, by.createdBefore,
  by.optoutAfter, by.optoutBefore, by.include, by.smsStatus, by.includeCount, by.limit, options);

const byEmail = async (email) => {
  const { data } = await allContacts({ email, status: 'all', include: 'custom_fields,list_memberships,taggings' });
  assert.equal(data.contacts.length, 1, email);
  return data.contacts[0];
};

// settled polls an activity to its end.
async function settled(answer) {
  assert.equal(answer.status, 201);
  assert.match(answer.data.activity_id, uuid);
  assert.ok(answer.data._links.self.href.endsWith(`/activities/${answer.data.activity_id}`)); // the path is the service's own
  for (let tries = 0; tries < 100; tries++) {
    const { data } = await bulk.getActivityById(answer.data.activity_id);
    if (!['initialized', 'processing'].includes(data.state)) return data;
    await sleep(50);
  }
  assert.fail('the activity does not end');
}

// refusal is the error of a call as the SDK reports it: status, and error_key with error_message.
async function refusal(call, status) {
  const error = await call.then((answer) => assert.fail(`got ${answer.status}, want ${status}`), (e) => e);
  assert.equal(error.isAxiosError, true, error.stack);
  assert.equal(error.response.status, status, JSON.stringify(error.response.data));
  const { data } = error.response;
  const [{ error_key: key, error_message: message }] = Array.isArray(data) ? data : [data];
  assert.ok(key && message, JSON.stringify(data));
  return { bare: !Array.isArray(data), key, message };
}

before(async () => speak((await control('POST', 'tokens')).access_token));

test('account and privileges', async () => {
  const { data: who } = await account.getAccountDetails();
  assert.ok(who.encoded_account_id && who.organization_name);
  assert.equal(who.physical_address, undefined);
  const { data: more } = await account.getAccountDetails('physical_address');
  assert.ok(more.physical_address.country_code);
  const { data: may } = await account.getUserPrivileges();
  assert.ok(may.some((p) => p.privilege_name === 'contacts:write'));
});

test('lists', async () => {
  const { status, data: made } = await lists.createList({ name: 'SDK list', description: 'made by the SDK', favorite: false });
  assert.equal(status, 201);
  assert.match(made.list_id, uuid);
  const { data: second } = await lists.createList({ name: 'Second list', favorite: true });

  const { data: all } = await lists.getAllLists(500, true, 'all', undefined, 'active');
  assert.equal(all.lists_count, all.lists.length);
  assert.equal(all.lists.find((l) => l.name === 'SDK list').membership_count, 0);
  const ids = all.lists.map((l) => l.list_id);
  assert.deepEqual(ids, [...ids].sort(), 'lists come in the order of their ids');

  const { data: first } = await lists.getAllLists(1);
  assert.equal(first.lists.length, 1);
  const next = new URL(first._links.next.href, base);
  const { data: rest } = await lists.getAllLists(undefined, undefined, undefined, undefined, undefined, undefined, undefined,
    { params: Object.fromEntries(next.searchParams) });
  assert.notEqual(rest.lists[0].list_id, first.lists[0].list_id);

  const { data: renamed } = await lists.updateList(second.list_id, { name: 'Renamed list', favorite: false });
  assert.equal(renamed.name, 'Renamed list');
  assert.equal((await lists.getList(second.list_id, 'all')).data.membership_count, 0);

  assert.equal((await refusal(lists.createList({ name: 'sdk LIST' }), 409)).bare, false);
  await refusal(lists.createList({ description: 'no name' }), 400);
  await refusal(lists.getList('00000000-0000-4000-8000-000000000000'), 404);

  const gone = await lists.deleteList(second.list_id);
  assert.equal(gone.status, 202);
  await settled({ status: 201, data: gone.data });
  await refusal(lists.getList(second.list_id), 404);
});

test('custom fields', async () => {
  const { status, data: made } = await fields.createCustomFields({ label: 'Short code', type: 'string' });
  assert.equal(status, 201);
  assert.deepEqual([made.label, made.name, made.type, made.version], ['Short code', 'short_code', 'string', 1]);
  const { data: colour } = await fields.createCustomFields({
    label: 'Colour', type: 'single_select', choices: [{ choice_label: 'red', display_order: 1 }, { choice_label: 'blue', display_order: 2 }],
  });
  assert.deepEqual(colour.choices.map((c) => c.choice_label), ['red', 'blue']);

  const { data: page } = await fields.getAllCustomFields(1);
  assert.equal(page.custom_fields.length, 1);
  assert.match(page._links.next.href, /^\/v3\/contact_custom_fields\?cursor=/);
  assert.deepEqual((await fields.getCustomField(made.custom_field_id)).data.name, 'short_code');

  const { data: put } = await fields.updateCustomField(made.custom_field_id, { label: 'App code' });
  assert.deepEqual([put.label, put.name], ['App code', 'app_code'], 'a new label gives a new name');
  await fields.updateCustomField(made.custom_field_id, { label: 'Short code' });

  await refusal(fields.createCustomFields({ label: 'SHORT CODE', type: 'string' }), 409);
  const { key, message } = await refusal(fields.createCustomFields({ type: 'colour' }), 400);
  assert.equal(key, 'contacts.api.validation.error');
  assert.match(message, /label is missing, type does not have a valid value/);
  assert.equal((await fields.deleteCustomField(colour.custom_field_id)).status, 204);
  await refusal(fields.getCustomField(colour.custom_field_id), 404);
});

test('contacts are created, read page by page, replaced, deleted and brought back', async () => {
  const { data: { lists: [list] } } = await lists.getAllLists(500, false, undefined, 'SDK list');
  const { data: { custom_fields: [field] } } = await fields.getAllCustomFields(100);
  const { status, data: ann } = await contacts.createContact({
    email_address: { address: 'ann@example.com', permission_to_send: 'implicit' },
    first_name: 'Ann', last_name: 'Lee', company_name: 'Example', birthday_month: 3, birthday_day: 14, create_source: 'Account',
    custom_fields: [{ custom_field_id: field.custom_field_id, value: 'K7Q2' }], list_memberships: [list.list_id],
    notes: [{ content: 'a note' }], phone_numbers: [{ phone_number: '555-555-0100', kind: 'work' }],
  });
  assert.equal(status, 201);
  assert.equal(ann.email_address.permission_to_send, 'implicit');

  const taken = await refusal(contacts.createContact({ email_address: { address: 'ANN@example.com' }, create_source: 'Account' }), 409);
  assert.deepEqual([taken.key, taken.message], ['contacts.api.conflict', `Validation failed: Email already exists for contact ${ann.contact_id}`]);
  const wrong = await refusal(contacts.createContact({ email_address: { address: 'bob@example.com' } }), 400);
  assert.deepEqual(wrong, { bare: false, key: 'contacts.api.validation.error', message: 'create_source is missing, create_source does not have a valid value' });
  const absent = await refusal(contacts.getContactById('not-an-id'), 404);
  assert.deepEqual([absent.key, absent.message], ['contacts.api.not_found', 'contact_id is in an invalid format.']);

  await control('POST', 'seed', { contacts: Array.from({ length: 1234 }, (_, i) => ({ address: `user${i}@example.com`, lists: ['SDK list'] })) });
  const seen = new Set();
  let { data: page } = await allContacts({ status: 'all', include: 'custom_fields,list_memberships', includeCount: true, limit: 500 });
  assert.equal(page.contacts_count, 1235);
  for (let pages = 1; ; pages++) {
    for (const c of page.contacts) {
      assert.ok(Array.isArray(c.custom_fields) && Array.isArray(c.list_memberships));
      assert.equal(c.taggings, undefined);
      seen.add(c.contact_id);
    }
    if (!page._links.next) {
      assert.equal(pages, 3);
      break;
    }
    const next = new URL(page._links.next.href, base); // it carries filters and include
    ({ data: page } = await allContacts({}, { params: Object.fromEntries(next.searchParams) }));
  }
  assert.equal(seen.size, 1235);

  const { data: put } = await contacts.updateContact(ann.contact_id, {
    email_address: { address: 'ann@example.com' }, first_name: 'Anna', update_source: 'Account',
    custom_fields: [{ custom_field_id: field.custom_field_id, value: 'M9X4' }],
  });
  assert.equal(put.first_name, 'Anna');
  assert.deepEqual([put.last_name, put.company_name, put.birthday_month], [undefined, undefined, undefined], 'what is left out becomes null');
  assert.deepEqual([put.list_memberships, put.notes], [undefined, undefined], 'the answer has what was sent');
  assert.equal(put.custom_fields[0].value, 'M9X4');
  const { data: read } = await contacts.getContactById(ann.contact_id, 'custom_fields,list_memberships,notes');
  assert.deepEqual(read.list_memberships, [list.list_id], 'a subresource that is left out stays');
  assert.equal(read.notes.length, 1);
  assert.equal(read.email_address.permission_to_send, 'implicit');
  await refusal(contacts.updateContact(ann.contact_id, { first_name: 'Anna' }), 400);

  assert.equal((await contacts.deleteContact(ann.contact_id)).status, 204);
  assert.equal((await allContacts({ email: 'ann@example.com' })).data.contacts.length, 0, 'deleted contacts are hidden');
  const gone = await byEmail('ann@example.com');
  assert.match(gone.deleted_at, /^\d{4}-\d\d-\d\d$/);
  assert.deepEqual(gone.list_memberships, []);
  await refusal(contacts.createContact({ email_address: { address: 'ann@example.com' }, create_source: 'Account' }), 409);
  const { data: back } = await contacts.updateContact(ann.contact_id, { email_address: { address: 'ann@example.com' }, first_name: 'Ann', update_source: 'Account' });
  assert.equal(back.deleted_at, undefined);

  const signedUp = await contacts.createOrUpdateContact({ email_address: 'ann@example.com', last_name: 'Lee', list_memberships: [list.list_id] });
  assert.deepEqual([signedUp.status, signedUp.data.action], [200, 'updated']);
  const explicit = await byEmail('ann@example.com');
  assert.deepEqual([explicit.first_name, explicit.last_name, explicit.email_address.permission_to_send], ['Ann', 'Lee', 'explicit']);
  const { data: counts } = await contacts.getContactCounts('new_subscriber');
  assert.deepEqual([counts.total, counts.explicit, counts.implicit], [1235, 1, 1234]);
  assert.ok(counts.new_subscriber >= 1);
});

test('a JSON import changes what it names and nothing else', async () => {
  const { data: { lists: [list] } } = await lists.getAllLists(500, false, undefined, 'SDK list');
  await control('POST', 'edits', { action: 'opt_out', contact: 'user7@example.com' });
  const ended = await settled(await bulk.createImportJSONActivity({
    import_data: [
      { email: 'user5@example.com', first_name: 'Five', 'cf:short_code': 'CODE5' },
      { email: 'user6@example.com', 'cf:short_code': 'CODE6', 'cf:nowhere': 'x' },
      { email: 'user7@example.com', 'cf:short_code': 'CODE7' },
      { email: 'new@example.com', 'cf:short_code': 'CODE8' },
      { email: 'nowhere' },
    ],
    list_ids: [list.list_id],
  }));
  assert.equal(ended.state, 'completed');
  assert.equal(ended.percent_done, 100);
  assert.deepEqual(ended.activity_errors, []);
  assert.deepEqual(ended.status, { items_total_count: 6, person_count: 4, error_count: 0, correctable_count: 1, cannot_add_to_list_count: 1 });
  const five = await byEmail('user5@example.com');
  assert.deepEqual([five.first_name, five.custom_fields[0].value], ['Five', 'CODE5']);
  const seven = await byEmail('user7@example.com');
  assert.equal(seven.email_address.permission_to_send, 'unsubscribed');
  const made = await byEmail('new@example.com');
  assert.deepEqual([made.email_address.permission_to_send, made.email_address.opt_in_source], ['implicit', 'Account']);
  assert.deepEqual(made.list_memberships, [list.list_id]);

  const { message } = await refusal(bulk.createImportJSONActivity({ import_data: [], list_ids: [] }), 400);
  assert.equal(message, 'import_data is missing, list_ids is missing');
});

test('a CSV import', async () => {
  const { data: { lists: [list] } } = await lists.getAllLists(500, false, undefined, 'SDK list');
  const file = new File(['email,first_name,cf:short_code\nuser8@example.com,Eight,CODE8\nuser9@example.com,,CODE9\n'], 'codes.csv', { type: 'text/csv' });
  const ended = await settled(await bulk.createCSVImportActivity(file, list.list_id));
  assert.deepEqual([ended.state, ended.source_file_name, ended.status.person_count], ['completed', 'codes.csv', 2]);
  assert.equal((await byEmail('user8@example.com')).first_name, 'Eight');
  await refusal(bulk.createCSVImportActivity(new File(['email\n'], 'codes.xls'), list.list_id), 415);
});

test('an export', async () => {
  const started = await bulk.createExportActivity({ status: 'active' });
  const ended = await settled(started);
  const id = ended._links.results.href.replace('/v3/contact_exports/', '');
  const { data: csv, headers } = await bulk.getCSVExportFile(id);
  assert.match(headers['content-type'], /^text\/csv/);
  const [heading, ...lines] = csv.trimEnd().split('\n');
  assert.match(heading, /^Email address,First name,Last name,.*,Short code$/);
  assert.equal(lines.length, 1235, 'all but the one who opted out');
  assert.ok(lines.some((line) => line.startsWith('user5@example.com,Five,') && line.endsWith(',CODE5')));
  await refusal(bulk.getCSVExportFile('00000000-0000-4000-8000-000000000000'), 404);
  await refusal(bulk.createExportActivity({ status: 'asleep' }), 400);
});

test('list memberships, tags and deletion in bulk', async () => {
  const { data: list } = await lists.createList({ name: 'Bulk list' });
  const one = await byEmail('user1@example.com');
  const two = await byEmail('user2@example.com');
  const both = { source: { contact_ids: [one.contact_id, two.contact_id] } };
  await settled(await bulk.createListAddActivity({ ...both, list_ids: [list.list_id] }));
  assert.equal((await lists.getList(list.list_id, 'active')).data.membership_count, 2);
  const { data: members } = await allContacts({ lists: list.list_id });
  assert.deepEqual(members.contacts.map((c) => c.email_address.address).sort(), ['user1@example.com', 'user2@example.com']);
  await settled(await bulk.createListRemoveActivity({ source: { contact_ids: [two.contact_id] }, list_ids: [list.list_id] }));
  assert.ok(!(await byEmail('user2@example.com')).list_memberships.includes(list.list_id));

  const { data: tag } = await tags.postTag({ name: 'vip' });
  await settled(await bulk.createTagAddContactActivity({ ...both, tag_ids: [tag.tag_id] }));
  assert.equal((await tags.getTag(tag.tag_id, true)).data.contacts_count, 2);
  assert.deepEqual((await byEmail('user1@example.com')).taggings, [tag.tag_id]);
  await settled(await bulk.createTagRemoveActivity({ ...both, tag_ids: [tag.tag_id] }));
  assert.equal((await tags.getAllTags(50, true)).data.tags[0].contacts_count, 0);
  await refusal(tags.postTag({ name: 'VIP' }), 409);

  const ended = await settled(await bulk.createDeleteActivity({ contact_ids: [one.contact_id] }));
  assert.equal(ended.status.items_completed_count, 1);
  assert.ok((await byEmail('user1@example.com')).deleted_at);
  await refusal(bulk.createListAddActivity({ source: {}, list_ids: [list.list_id] }), 400);

  const { data: { activities } } = await bulk.getAllActivities(500, 'completed');
  assert.ok(activities.length >= 8);
  assert.ok(activities.every((a) => a.state === 'completed'));
});

test('what the SDK reports of limits and faults', async () => {
  await control('PATCH', 'settings', { unlimited: false });
  const burst = await Promise.allSettled(Array.from({ length: 12 }, () => account.getUserPrivileges()));
  const throttled = burst.filter((b) => b.status === 'rejected');
  assert.ok(throttled.length >= 4, `${throttled.length} of 12 were refused`);
  for (const { reason } of throttled) {
    assert.equal(reason.response.status, 429);
    assert.deepEqual(reason.response.data, { error_key: 'throttled', error_message: 'Too Many Requests' });
    assert.equal(reason.response.headers['retry-after'], undefined, 'the real service does not send it');
  }
  await control('PATCH', 'settings', { per_day: 1 });
  assert.equal((await refusal(account.getUserPrivileges(), 429)).key, 'quota_exceeded');
  await control('PATCH', 'settings', { unlimited: true });

  await control('POST', 'faults', [{ kind: 'queue_full', method: 'POST', times: 1 }, { kind: 'status', status: 503, path: '/v3/contact_lists', times: 1 }]);
  const full = await refusal(bulk.createExportActivity({}), 429);
  assert.ok(!full.bare && !['throttled', 'quota_exceeded'].includes(full.key));
  await refusal(lists.getAllLists(), 503);
  await lists.getAllLists();

  speak('no such token');
  assert.deepEqual(await refusal(lists.getAllLists(), 401), { bare: true, key: 'unauthorized', message: 'The access token is invalid or has expired.' });
});
