// What a client is made of, and that it does not tell its key.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { DaimonClient } from 'daimon-email';

const KEY = 'dm_free_secret';

/** Returns a client whose `fetch` keeps what was asked. */
function listening(options = {}, answer = {}) {
  const asked = [];
  const fetch = async (url, init) => {
    asked.push({ url, ...init });
    return new Response(JSON.stringify({ result: answer, next_steps: [] }));
  };
  return { asked, client: new DaimonClient({ baseUrl: 'https://d.test', apiKey: KEY, fetch, ...options }) };
}

function withEnvironment(given, use) {
  const before = { ...process.env };
  Object.assign(process.env, given);
  return use().finally(() => {
    for (const name of Object.keys(given)) {
      if (name in before) process.env[name] = before[name];
      else delete process.env[name];
    }
  });
}

test('a configuration that cannot work is refused at once', () => {
  assert.throws(() => new DaimonClient({ baseUrl: 'localhost:8080' }), /baseUrl/);
  assert.throws(() => new DaimonClient({ apiKey: 'a\nb' }), /apiKey/);
  assert.throws(() => new DaimonClient({ apiKey: 'ключ' }), /apiKey/);
  for (const baseUrl of ['ftp://d.test', 'http://', 'https://d test', 'https://d.test?a=1', 'https://d.test/#a', 5]) {
    assert.throws(() => new DaimonClient({ baseUrl }), { name: 'TypeError', message: /^baseUrl must be a URL/ }, String(baseUrl));
  }
  assert.throws(() => new DaimonClient({ baseUrl: 'https://ada:secret@d.test' }), (error) => error instanceof TypeError && !error.message.includes('secret'));
  for (const timeout of [0, -1, NaN, '50']) assert.throws(() => new DaimonClient({ timeout }), /timeout must be/);
  for (const maxRetries of [-1, NaN, 0.5, '2']) assert.throws(() => new DaimonClient({ maxRetries }), /maxRetries must be/);
});

test('a call with a configuration that cannot work is refused before anything is asked', async () => {
  const { client, asked } = listening();
  await assert.rejects(client.whoami({ timeout: NaN }), /timeout must be/);
  await assert.rejects(client.whoami({ maxRetries: NaN }), /maxRetries must be/);
  await assert.rejects(client.messages.wait('inbox_1', { timeout: NaN }), /timeout must be/);
  await assert.rejects(client.messages.list('inbox_1', { after: new Date(NaN) }), /after is a Date of no time/);
  assert.deepEqual(asked, []);
});

test('a base URL may be a URL, and stand among blanks, below a path, or with a slash behind it', async () => {
  for (const [given, meant] of [
    [new URL('https://d.test'), 'https://d.test'],
    [' HTTPS://D.test/\n', 'https://d.test'],
    ['https://d.test/mail//', 'https://d.test/mail'],
    ['https://d.test/v1/', 'https://d.test'],
    ['https://d.test/mail/v1', 'https://d.test/mail'],
  ]) {
    const { client, asked } = listening({ baseUrl: given });
    await client.whoami();
    assert.equal(asked[0].url, `${meant}/v1/whoami`);
  }
});

test('the environment is asked where nothing is given; null asks without a key', async () => {
  await withEnvironment({ DAIMON_API_KEY: 'dm_free_environment\n', DAIMON_BASE_URL: 'https://e.test/\n' }, async () => {
    const { client, asked } = listening({ baseUrl: undefined, apiKey: undefined, timeout: undefined, maxRetries: undefined });
    await client.whoami();
    const nobody = listening({ apiKey: null });
    await nobody.client.whoami();
    assert.deepEqual([asked[0].url, asked[0].headers.get('authorization')], ['https://e.test/v1/whoami', 'Bearer dm_free_environment']);
    assert.equal(nobody.asked[0].headers.get('authorization'), null);
  });
});

test('headers of a call take the place of the client\'s, and these of ours, in whatever case', async () => {
  const { client, asked } = listening({ headers: { 'x-all': 'client', 'USER-AGENT': 'mine' } });
  await client.inboxes.create({}, { headers: new Headers({ 'X-All': 'call', authorization: 'Bearer other' }) });
  await client.inboxes.create({}, { headers: [['x-one', '1']] });
  await client.inboxes.create({}, { headers: { 'x-one': undefined } });
  const told = asked.map(({ headers }) => ['x-all', 'user-agent', 'authorization', 'content-type', 'x-one'].map((name) => headers.get(name)));
  assert.deepEqual(told, [
    ['call', 'mine', 'Bearer other', 'application/json', null],
    ['client', 'mine', `Bearer ${KEY}`, 'application/json', '1'],
    ['client', 'mine', `Bearer ${KEY}`, 'application/json', null],
  ]);
});

test('headers are read once, and one that cannot be sent is refused at once', async () => {
  const { client, asked } = listening({ headers: new Map([['x-a', '1']]).entries() });
  for (let n = 0; n < 2; n++) await client.whoami();
  assert.deepEqual(asked.map(({ headers }) => headers.get('x-a')), ['1', '1']);
  assert.throws(() => listening({ headers: { 'no name': 'x' } }), TypeError);
});

test('whoever prints a client, a part of it, a page or a stream does not print the key', async () => {
  const { client } = listening({}, { inboxes: [] });
  const page = await client.inboxes.list();
  for (const each of [client, client.inboxes, client.inboxes.list(), page, client.events.stream(), { ...client }]) {
    for (const printed of [inspect(each, { depth: null, showHidden: true }), JSON.stringify(each)]) {
      assert.ok(!printed.includes(KEY), printed);
    }
  }
  assert.deepEqual(JSON.parse(JSON.stringify(page)), { result: [], nextSteps: [], hasMore: false });
});

test('times are taken from whatever tells itself as one', async () => {
  const { client, asked } = listening({}, { messages: [] });
  const instant = { toJSON: () => '2026-01-02T03:04:05Z' }; // as Temporal, Luxon and Day.js do
  await client.messages.list('inbox_1', { before: instant, after: new Date(0), label: undefined });
  assert.equal(asked[0].url, 'https://d.test/v1/inboxes/inbox_1/messages?before=2026-01-02T03%3A04%3A05Z&after=1970-01-01T00%3A00%3A00.000Z');
});

test('a link to an attachment is followed at the base URL, wherever the public one is', async () => {
  const { client, asked } = listening({ baseUrl: 'https://inner.test/mail' }, { url: 'https://outer.test/mail/v1/downloads/abc?x=1' });
  await client.messages.download('inbox_1', 'msg_1', 'att_1');
  assert.equal(asked[1].url, 'https://inner.test/mail/v1/downloads/abc?x=1');
});
