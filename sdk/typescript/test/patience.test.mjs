// How long is waited, and who may end it: against a server that answers by script, or not at all.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { DaimonClient, NoAnswer, Unavailable } from 'daimon-email';
import { failure, json, NOW, result, scripted } from './scripted.mjs';

/** Runs a test against a server that never answers; it hears of each request. */
async function silent(use) {
  const server = createServer(() => undefined);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${server.address().port}`;
  try {
    await use((options = {}) => new DaimonClient({ baseUrl, apiKey: 'dm_free_x', maxRetries: 0, ...options }), server);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const ENOUGH = new Error('enough');
const calls = {
  'a call': (client, options) => client.whoami(options),
  'a list': (client, options) => client.inboxes.list({}, options),
  'a wait': (client, options) => client.messages.wait('inbox_1', { timeout: null }, options),
  'a send': (client, options) => client.messages.send('inbox_1', { attachments: [{ filename: 'a', content: 'a' }] }, options),
  'an export': (client, options) => client.account.exportStream(options),
};
for (const [name, call] of Object.entries(calls)) {
  test(`${name} is given up before, and during: it rejects with the signal's reason`, async () => {
    await silent(async (client, server) => {
      let heard = 0;
      server.on('request', () => heard++);
      await assert.rejects(call(client(), { signal: AbortSignal.abort(ENOUGH) }), (error) => error === ENOUGH);
      assert.equal(heard, 0);
      const given = new AbortController();
      const rejected = assert.rejects(call(client(), { signal: given.signal }), (error) => error === ENOUGH);
      await once(server, 'request');
      given.abort(ENOUGH);
      await rejected;
    });
  });
}

test('a pause before another try, and a file that does not come, are given up as well', async () => {
  await scripted([failure(503, 'UNAVAILABLE', {}, { 'Retry-After': '30' })], async (client, asked) => {
    const given = new AbortController();
    const rejected = assert.rejects(client().whoami({ signal: given.signal }), (error) => error === ENOUGH);
    while (!asked.length) await new Promise((resolve) => setTimeout(resolve, 5));
    given.abort(ENOUGH);
    await rejected;
    const later = new AbortController();
    const content = new ReadableStream({ pull: () => later.abort(ENOUGH) });
    const sending = client().messages.send('inbox_1', { attachments: [{ filename: 'a', content }] }, { signal: later.signal });
    await assert.rejects(sending, (error) => error === ENOUGH);
    assert.equal(asked.length, 1);
  });
});

test('one signal ends many calls, and nobody warns of it', async () => {
  const warned = [];
  const warn = (warning) => warned.push(warning);
  process.on('warning', warn);
  await silent(async (client) => {
    const given = new AbortController();
    const many = Array.from({ length: 12 }, () => client({ timeout: Infinity }).whoami({ signal: given.signal }));
    given.abort(ENOUGH);
    for (const { reason } of await Promise.allSettled(many)) assert.equal(reason, ENOUGH);
  });
  await new Promise(setImmediate);
  process.off('warning', warn);
  assert.deepEqual(warned, []);
});

test('an export that does not begin, and a `fetch` that does not look at its signal, are not waited for', async () => {
  await silent(async (client) => {
    await assert.rejects(client({ timeout: 50 }).account.exportStream(), NoAnswer);
    const deaf = client({ timeout: 50, fetch: () => new Promise(() => undefined) });
    await assert.rejects(deaf.whoami(), (error) => error instanceof NoAnswer && error.maybeDone);
  });
});

test('a program ends when its calls have', async () => {
  await silent((client, server) => {
    const program = `
      const { DaimonClient } = await import('daimon-email');
      const client = new DaimonClient({ baseUrl: 'http://127.0.0.1:${server.address().port}', maxRetries: 0 });
      const given = new AbortController();
      const stream = client.events.stream({}, { signal: given.signal });
      const next = stream[Symbol.asyncIterator]().next();
      setTimeout(() => given.abort(), 50);
      await Promise.allSettled([next, client.whoami({ signal: given.signal }), client.whoami({ timeout: 20 })]);
      console.log('done');`;
    const done = spawnSync(process.execPath, ['--input-type=module', '-e', program], { cwd: import.meta.dirname, encoding: 'utf8', timeout: 20_000 });
    assert.deepEqual([done.stdout, done.signal], ['done\n', null], done.stderr);
  });
});

const NOTHING = json(200, { result: null, next_steps: [] });
const AWAY = failure(503, 'UNAVAILABLE', {}, NOW);
const times = (asked) => asked.map(({ url }) => Number(new URL(url, 'http://d.test').searchParams.get('timeout')));

test('a wait outlasts a restart of a server that has answered it, whatever the number of tries', async () => {
  await scripted([NOTHING, ...Array(6).fill(AWAY), result({ id: 'msg_1' })], async (client, asked) => {
    const found = await client({ maxRetries: 1 }).messages.wait('inbox_1', { timeout: null });
    assert.deepEqual([found.id, asked.length], ['msg_1', 8]);
  });
});

test('a server that has never answered a wait is tried as for any call; one that is to be asked once, once', async () => {
  await scripted(Array(2).fill(AWAY), async (client, asked) => {
    await assert.rejects(client({ maxRetries: 1 }).messages.wait('inbox_1', { timeout: null }), Unavailable);
    assert.equal(asked.length, 2);
  });
  await scripted([NOTHING, AWAY], async (client, asked) => {
    await assert.rejects(client({ maxRetries: 0 }).messages.wait('inbox_1', { timeout: null }), Unavailable);
    assert.equal(asked.length, 2);
  });
});

test('a poll that is tried again asks for what is left of the wait', async () => {
  await scripted([null, null, result({ id: 'msg_1' })], async (client, asked) => {
    await client().messages.wait('inbox_1', { timeout: 20_000 });
    const [first, second, third] = times(asked);
    assert.ok(20 >= first && first > second && second > third, times(asked).join());
  });
});
