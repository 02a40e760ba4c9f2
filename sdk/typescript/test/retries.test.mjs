// What is tried again, and what is not: against a server that answers by script.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import {
  DaimonClient, InboxCreateRateLimited, InboxNotFound, NoAnswer, NotFound, RateLimited, ServerError,
  Unavailable, UnexpectedAnswer,
} from 'daimon-email';
import { failure, json, NOW, result, scripted } from './scripted.mjs';

const WHO = { key_id: 'key_1', scope: 'account', permissions: [], tier: 'free' };

test('a lost connection is made again, a POST under one key', async () => {
  await scripted([null, failure(409, 'REQUEST_IN_PROGRESS', {}, NOW), result(WHO), result(WHO)], async (client, asked) => {
    await client().inboxes.create({ username: 'a', displayName: undefined });
    await client().inboxes.create({}, { idempotencyKey: 'mine' });
    const keys = asked.map((each) => each.headers['idempotency-key']);
    assert.match(keys[0], /^[0-9a-f]{32}$/);
    assert.deepEqual(keys, [keys[0], keys[0], keys[0], 'mine']);
    assert.equal(asked[0].body, '{"username":"a"}');
    assert.equal(asked[0].headers.authorization, 'Bearer dm_free_x');
    assert.match(asked[0].headers['user-agent'], /^daimon-email-typescript\//);
  });
});

test('a busy server is asked again when it says so, and not for ever', async () => {
  const busy = [failure(429, 'RATE_LIMIT_EXCEEDED', {}, NOW), failure(503, 'UNAVAILABLE', {}, NOW), { ...NOW, status: 502, headers: NOW, body: '<html>' }];
  await scripted([...busy, result(WHO)], async (client) => assert.equal((await client().whoami()).tier, 'free'));
  await scripted(Array(3).fill(failure(503, 'UNAVAILABLE', {}, NOW)), async (client, asked) => {
    await assert.rejects(client({ maxRetries: 2 }).whoami(), Unavailable);
    assert.equal(asked.length, 3);
  });
});

test('a long Retry-After is the caller\'s to wait for', async () => {
  const refusal = failure(429, 'RATE_LIMIT_EXCEEDED', { code: 'INBOX_CREATE_RATE_LIMIT', retry_after: 3600 });
  await scripted([refusal], async (client) => {
    await assert.rejects(client().inboxes.create(), (error) => {
      assert.ok(error instanceof InboxCreateRateLimited && error instanceof RateLimited);
      assert.deepEqual([error.retryAfter, error.reason, error.requestId], [3600, 'INBOX_CREATE_RATE_LIMIT', 'req_1']);
      return true;
    });
  });
});

test('a DELETE that may be done is not repeated, one that is not done is', async () => {
  const script = [null, { status: 502, body: '' }, failure(503, 'UNAVAILABLE', {}, NOW), result({ id: 'inbox_1', deleted: true })];
  await scripted(script, async (client) => {
    await assert.rejects(client().inboxes.delete('inbox_1'), NoAnswer);
    await assert.rejects(client().inboxes.delete('inbox_1'), ServerError);
    assert.equal((await client().inboxes.delete('inbox_1')).id, 'inbox_1');
  });
});

test('a mistake is not repeated; an unknown code is caught by its status', async () => {
  await scripted([failure(404, 'INBOX_NOT_FOUND'), failure(404, 'WHALE_NOT_FOUND')], async (client, asked) => {
    await assert.rejects(client().inboxes.get('inbox_1'), InboxNotFound);
    await assert.rejects(client().whoami(), (error) => error.constructor === NotFound && error.code === 'WHALE_NOT_FOUND');
    assert.equal(asked.length, 2);
  });
});

test('another kind of server is told as such', async () => {
  const odd = [{ status: 200, body: '<html>' }, json(200, { ok: true }), json(200, { result: 'yes' }), json(302, {})];
  await scripted(odd, async (client) => {
    for (const _ of odd) await assert.rejects(client().whoami(), UnexpectedAnswer);
  });
});

test('no server, and none that answers in time', async () => {
  const gone = createServer();
  await new Promise((resolve) => gone.listen(0, '127.0.0.1', resolve));
  const nobody = new DaimonClient({ baseUrl: `http://127.0.0.1:${gone.address().port}`, maxRetries: 0 });
  await new Promise((resolve) => gone.close(resolve));
  await assert.rejects(nobody.whoami(), (error) => error instanceof NoAnswer && !error.maybeDone);
  const slow = createServer(() => undefined);
  await new Promise((resolve) => slow.listen(0, '127.0.0.1', resolve));
  const client = new DaimonClient({ baseUrl: `http://127.0.0.1:${slow.address().port}`, timeout: 50, maxRetries: 0 });
  await assert.rejects(client.whoami(), (error) => error instanceof NoAnswer && error.maybeDone);
  slow.closeAllConnections();
  await new Promise((resolve) => slow.close(resolve));
});

test('an empty idempotency key is none: one is made', async () => {
  await scripted([null, result(WHO)], async (client, asked) => {
    await client().inboxes.create({}, { idempotencyKey: '' });
    assert.match(asked[0].headers['idempotency-key'], /^[0-9a-f]{32}$/);
    assert.equal(asked[1].headers['idempotency-key'], asked[0].headers['idempotency-key']);
  });
});
