import { BulkActivitiesApi, Configuration, ContactListsApi, ContactsApi } from 'ctct-api-client';

const sandbox = 'http://127.0.0.1:8585';
const login = await fetch(`${sandbox}/_sandbox/tokens`, { method: 'POST' });
const { access_token: accessToken } = await login.json();
const configuration = new Configuration({ accessToken, basePath: `${sandbox}/v3` });

const { data: list } = await new ContactListsApi(configuration).createList({ name: 'From Node' });
const bulk = new BulkActivitiesApi(configuration);
let { data: activity } = await bulk.createImportJSONActivity({
  import_data: [{ email: 'ann@example.com', first_name: 'Ann' }],
  list_ids: [list.list_id],
});
while (activity.state === 'initialized' || activity.state === 'processing') {
  await new Promise((wait) => setTimeout(wait, 500)); // at most 4 requests a second
  ({ data: activity } = await bulk.getActivityById(activity.activity_id));
}

const contacts = new ContactsApi(configuration);
const { data } = await contacts.getAllContacts('all', 'ann@example.com');
console.log(activity.state, data.contacts[0].first_name, data.contacts[0].email_address.permission_to_send);
