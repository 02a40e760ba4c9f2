// What errors tell, and to whom: code of either kind, logs, and people.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { inspect } from 'node:util';
import * as daimon from 'daimon-email';
import { failure, result, scripted } from './scripted.mjs';

const required = createRequire(import.meta.url)('daimon-email');
const { DaimonError, InboxNotFound, NoAnswer, NotFound, RateLimited, ServerError, UnexpectedAnswer } = daimon;

test('an error of the copy that `require` loads is caught by the classes that `import` gives, and the other way round', async () => {
  await scripted([failure(404, 'INBOX_NOT_FOUND'), failure(404, 'INBOX_NOT_FOUND')], async (client) => {
    const ofImport = await client().whoami().catch((error) => error);
    for (const kind of [required.DaimonError, required.NotFound, required.InboxNotFound]) assert.ok(ofImport instanceof kind);
    for (const kind of [required.RateLimited, required.PodNotFound]) assert.ok(!(ofImport instanceof kind));
  });
  const ofRequire = new required.InboxNotFound('x');
  assert.deepEqual([DaimonError, NotFound, InboxNotFound, RateLimited].map((kind) => ofRequire instanceof kind), [true, true, true, false]);
});

test('a class that extends one of ours is one of its own, even under a name of ours', () => {
  class Mine extends InboxNotFound {}
  const RateLimited = class RateLimited extends DaimonError {};
  assert.deepEqual([Mine, InboxNotFound, NotFound, Error].map((kind) => new Mine('x') instanceof kind), [true, true, true, true]);
  assert.ok(!(new InboxNotFound('x') instanceof Mine));
  assert.ok(!(new daimon.RateLimited('x') instanceof RateLimited));
  for (const other of [null, undefined, 'x', {}, new Error('x')]) assert.ok(!(other instanceof DaimonError));
});

test('a log of an error has its message, and nothing that was not told', async () => {
  await scripted([failure(404, 'INBOX_NOT_FOUND', { message: 'There is none.' })], async (client) => {
    const error = await client().whoami().catch((thrown) => thrown);
    assert.deepEqual(JSON.parse(JSON.stringify({ error })).error, {
      name: 'InboxNotFound', message: 'There is none.', code: 'INBOX_NOT_FOUND', status: 404, nextSteps: [], details: [], requestId: 'req_1',
    });
    assert.match(inspect(error), /^InboxNotFound: There is none\.\n/);
    assert.ok(!inspect(error).includes('undefined'), inspect(error));
    assert.equal(error.retryAfter, undefined);
  });
});

const inSeconds = (seconds) => new Date(Date.parse('2026-01-02T03:04:00Z') + seconds * 1000).toUTCString();
for (const [told, wanted] of [[inSeconds(3600), 3600], [inSeconds(-5), 0], ['7200', 7200], ['0.5', 0.5], ['soon', undefined], ['-5', undefined]]) {
  test(`Retry-After: ${told}`, async () => {
    const answer = failure(429, 'RATE_LIMIT_EXCEEDED', {}, { 'Retry-After': told, Date: inSeconds(0) });
    await scripted([answer], async (client) => {
      await assert.rejects(client({ maxRetries: 0 }).whoami(), (error) => error instanceof RateLimited && error.retryAfter === wanted);
    });
  });
}

test('a date in Retry-After is waited for', async () => {
  const busy = failure(503, 'UNAVAILABLE', {}, { 'Retry-After': inSeconds(1), Date: inSeconds(0) });
  await scripted([busy, result({})], async (client, asked) => {
    await client().whoami();
    assert.ok(asked[1].at - asked[0].at >= 900);
  });
});

test('a redirect is not followed: a POST would become a GET, and the key be lost', async () => {
  const away = (status) => ({ status, headers: { Location: 'https://other.test/v1/inboxes?key=secret' }, body: '' });
  await scripted([away(301), away(307)], async (client, asked) => {
    for (let n = 0; n < 2; n++) {
      await assert.rejects(client().inboxes.create(), (error) => {
        assert.ok(error instanceof UnexpectedAnswer);
        assert.match(error.message, /https:\/\/other\.test\/v1\/inboxes; is the base URL right/);
        assert.match(error.nextSteps[0], /baseUrl/);
        return true;
      });
    }
    assert.equal(asked.length, 2);
  });
});

test('an answer without a word of ours has a code all the same', async () => {
  const answers = [502, 429, 401].map((status) => ({ status, headers: { 'X-Request-Id': 'req_2' }, body: '<html>' }));
  await scripted(answers, async (client) => {
    const errors = [];
    for (const _ of answers) errors.push(await client({ maxRetries: 0 }).whoami().catch((error) => error));
    assert.deepEqual(errors.map((error) => [error.name, error.code, error.requestId]), [
      ['ServerError', 'INTERNAL', 'req_2'], ['RateLimited', 'RATE_LIMIT_EXCEEDED', 'req_2'], ['Unauthenticated', 'UNEXPECTED_ANSWER', 'req_2'],
    ]);
    assert.ok(errors[0] instanceof ServerError);
  });
});

test('where no answer comes from is said, and what to look at', async () => {
  const fetch = () => Promise.reject(Object.assign(new TypeError('fetch failed'), { cause: Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }) }));
  const nobody = new daimon.DaimonClient({ baseUrl: 'http://d.test:1', fetch, maxRetries: 0 });
  await assert.rejects(nobody.whoami(), (error) => {
    assert.ok(error instanceof NoAnswer && !error.maybeDone);
    assert.equal(error.message, 'No answer came from http://d.test:1: connect ECONNREFUSED.');
    assert.match(error.nextSteps[0], /http:\/\/d\.test:1/);
    assert.equal(error.cause.message, 'fetch failed');
    return true;
  });
});

test('an export that breaks off, or is given up, says so where it is read', async () => {
  const half = { status: 200, headers: { 'Content-Length': '100' }, breaks: true, body: 'PK' };
  await scripted([half, half], async (client) => {
    const read = async (stream) => {
      for await (const piece of stream) assert.equal(new TextDecoder().decode(piece), 'PK');
    };
    await assert.rejects(read(await client().account.exportStream()), (error) => error instanceof NoAnswer && error.maybeDone);
    const given = new AbortController();
    const stream = await client().account.exportStream({ signal: given.signal });
    given.abort(new Error('enough'));
    await assert.rejects(read(stream), /enough/);
  });
});

test('an error that is not as it should be is an error all the same: a proxy may have made it', async () => {
  const fields = ['message', 'code', 'next_steps', 'details', 'retry_after', 'current_usage', 'upgrade_context', 'request_id'];
  for (const odd of ['text', 5, true, ['a'], { a: 'b' }, [[null]], null]) {
    await scripted(fields.map((field) => failure(400, 'ODD', { [field]: odd })), async (client) => {
      for (const field of fields) {
        const error = await client().whoami().catch((thrown) => thrown);
        assert.ok(error instanceof daimon.BadRequest, `${field}: ${inspect(odd)}`);
        for (const each of error.nextSteps) assert.equal(typeof each, 'string');
        for (const each of error.details) assert.equal(typeof each.field, 'string');
        for (const told of [error.reason ?? '', error.message, error.requestId ?? '']) assert.equal(typeof told, 'string');
        assert.ok(error.retryAfter === undefined || error.retryAfter >= 0);
        for (const told of [error.currentUsage ?? {}, error.upgradeContext ?? {}]) assert.ok(!Array.isArray(told) && typeof told === 'object');
      }
    });
  }
});
