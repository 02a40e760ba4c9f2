// Requests to a webhook, signed as Standard Webhooks says.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { DaimonClient, InvalidSignature } from 'daimon-email';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const BODY = JSON.stringify({ event: 'inbox.created', event_id: 'evt_1', webhook_id: 'wh_1', data: { inbox: { view_url: 'ü' } } });
const { webhooks } = new DaimonClient({ baseUrl: 'http://daimon.test' });

function signed({ body = BODY, secondsAgo = 0 } = {}) {
  const moment = String(Math.floor(Date.now() / 1000) - secondsAgo);
  const hmac = createHmac('sha256', Buffer.from(SECRET.slice(6), 'base64')).update(`evt_1.${moment}.${body}`);
  return { 'Webhook-Id': 'evt_1', 'webhook-timestamp': moment, 'webhook-signature': `v1a,xx v1,?? v1,AAAA v1,${hmac.digest('base64')}` };
}

test('a request that is ours is taken: text and octets, headers of every kind', async () => {
  for (const headers of [signed(), new Headers(signed()), { ...signed({ secondsAgo: 290 }), 'set-cookie': ['a', 'b'], host: undefined }]) {
    const event = await webhooks.verify(BODY, headers, SECRET);
    assert.deepEqual([event.eventId, event.webhookId, event.data.inbox.viewUrl], ['evt_1', 'wh_1', 'ü']);
  }
  assert.equal((await webhooks.verify(new TextEncoder().encode(BODY), signed(), SECRET)).event, 'inbox.created');
  assert.equal((await webhooks.verify(BODY, signed(), `${SECRET}\n`)).event, 'inbox.created'); // as a file holds it
});

const without = (name) => ({ ...signed(), [name]: undefined });
for (const [fault, body, headers, secret] of [
  ['another body', `${BODY} `, signed(), SECRET],
  ['another secret', BODY, signed(), SECRET.replace('M', 'N')],
  ['another id', BODY, { ...signed(), 'Webhook-Id': 'evt_2' }, SECRET],
  ['an old one', BODY, signed({ secondsAgo: 310 }), SECRET],
  ['an early one', BODY, signed({ secondsAgo: -310 }), SECRET],
  ['no time', BODY, without('webhook-timestamp'), SECRET],
  ['a bad time', BODY, { ...signed(), 'webhook-timestamp': '9'.repeat(5000) }, SECRET],
  ['no signature', BODY, without('webhook-signature'), SECRET],
]) {
  test(`a request that is not ours is refused: ${fault}`, async () => {
    await assert.rejects(webhooks.verify(body, headers, secret), InvalidSignature);
  });
}

test('headers of any kind that has `get`, and octets of any kind, do as well', async () => {
  const lower = new Map(Object.entries(signed()).map(([name, value]) => [name.toLowerCase(), value]));
  const octets = new TextEncoder().encode(BODY);
  assert.equal((await webhooks.verify(octets.buffer, lower, SECRET)).eventId, 'evt_1');
  assert.equal((await webhooks.verify(Buffer.from(BODY), { get: (name) => lower.get(name) ?? null }, SECRET)).eventId, 'evt_1');
});

test('what is no secret is said, even to a request that is too old', async () => {
  for (const wrong of ['whsec_?', 'whsec_', '', undefined]) {
    await assert.rejects(webhooks.verify(BODY, signed({ secondsAgo: 999 }), wrong), { name: 'TypeError', message: /whsec_/ });
  }
});

test('a body that was parsed already is told from one that nobody signed', async () => {
  for (const parsed of [JSON.parse(BODY), undefined]) {
    await assert.rejects(webhooks.verify(parsed, signed(), SECRET), { name: 'TypeError', message: /before any parser/ });
  }
});

test('Node 18, which has no global crypto, does as well', () => {
  const program = `
    Object.defineProperty(globalThis, 'crypto', { value: undefined });
    const { DaimonClient } = await import('daimon-email');
    const { webhooks } = new DaimonClient({ baseUrl: 'http://daimon.test' });
    console.log((await webhooks.verify(${JSON.stringify(BODY)}, ${JSON.stringify(signed())}, '${SECRET}')).event);`;
  const done = spawnSync(process.execPath, ['--input-type=module', '-e', program], { cwd: import.meta.dirname ?? 'test', encoding: 'utf8' });
  assert.equal(done.stdout, 'inbox.created\n', done.stderr);
});
