// Streams of events that break off, and what is none: against a server that answers by script.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiKeyRevoked, RateLimited, UnexpectedAnswer } from 'daimon-email';
import { failure, NOW, scripted } from './scripted.mjs';

const EVENT = { event: 'inbox.created', event_id: 'evt_1', inbox_id: 'inbox_1' };
const told = (sequence) =>
  `id: ${sequence}\nevent: inbox.created\ndata: ${JSON.stringify({ ...EVENT, sequence, data: { text: 'a\u2028b\u0085c: d' } })}\n\n`;
const streamed = (...events) =>
  ({ status: 200, headers: { 'Content-Type': 'text/event-stream' }, breaks: true, body: `retry: 1000\nid: 3\n\n:\n\n${events.join('')}` });

test('a stream goes on where it broke off', async () => {
  const gone = 'event: error\ndata: {"error": "API_KEY_REVOKED", "message": "It is gone.", "next_steps": []}\n\n';
  const half = told(6).slice(0, -10);
  const script = [null, streamed(), null, streamed(told(4), told(5), half), failure(503, 'UNAVAILABLE', {}, NOW), streamed(told(6), gone)];
  await scripted(script, async (client, asked) => {
    const seen = [];
    const follow = async () => {
      for await (const event of client().events.stream()) seen.push([event.sequence, event.inboxId, event.data.text]);
    };
    await assert.rejects(follow(), ApiKeyRevoked);
    assert.deepEqual(seen, [4, 5, 6].map((sequence) => [sequence, 'inbox_1', 'a\u2028b\u0085c: d']));
    assert.deepEqual(asked.map((each) => each.url.split('?')[1]), [undefined, undefined, 'after=3', 'after=3', 'after=5', 'after=5']);
  });
});

const said = (body, type = 'text/event-stream; charset=utf-8') => ({ status: 200, headers: { 'Content-Type': type }, breaks: true, body });
const GONE = 'event: error\ndata: {"error": "API_KEY_REVOKED", "message": "It is gone.", "next_steps": []}\n\n';

async function followed(client) {
  const seen = [];
  for await (const event of client().events.stream()) seen.push(event);
  return seen;
}

test('what answers with a page, or with no JSON, is told as no stream of ours', async () => {
  for (const script of [[said('<html>\n\n</html>', 'text/html')], [said('id: 4\nevent: inbox.created\ndata: {"eve\n\n')]]) {
    await scripted(script, async (client, asked) => {
      await assert.rejects(followed(client), UnexpectedAnswer);
      assert.equal(asked.length, 1);
    });
  }
});

test('events are read as the standard writes them: CR LF, no blank, several lines, characters in pieces', async () => {
  const body = `:hello\r\nid:4\r\nevent:inbox.created\r\ndata:{"event": "inbox.created",\r\ndata: "sequence": 4, "inbox_id": "ü"}\r\n\r\n`;
  await scripted([said(body), said(GONE)], async (client, asked) => {
    const seen = [];
    await assert.rejects(async () => {
      for await (const event of client().events.stream()) seen.push([event.sequence, event.inboxId]);
    }, ApiKeyRevoked);
    assert.deepEqual(seen, [[4, 'ü']]);
    assert.equal(asked[1].url, '/v1/events/stream?after=4');
  });
});

test('a stream that ends again and again without a sign of life is asked for more and more seldom', async () => {
  const empty = said('retry: 1000\nid: 3\n\n');
  await scripted([empty, empty, empty, said(GONE)], async (client, asked) => {
    await assert.rejects(followed(client), ApiKeyRevoked);
    assert.ok(asked[3].at - asked[2].at >= 490, 'half a second at least, after the third'); // timers may be a little early
  });
});

test('one signal ends many streams, and nobody warns of it', async () => {
  const warned = [];
  const warn = (warning) => warned.push(warning);
  process.on('warning', warn);
  const given = new AbortController();
  await scripted(Array(12).fill(said(':\n\n')), async (client) => {
    const many = Array.from({ length: 12 }, () => client().events.stream({}, { signal: given.signal })[Symbol.asyncIterator]().next());
    given.abort();
    assert.deepEqual(await Promise.all(many), Array(12).fill({ done: true, value: undefined }));
  });
  await new Promise(setImmediate);
  process.off('warning', warn);
  assert.deepEqual(warned, []);
});

const FULL = 'event: error\ndata: {"error": "RATE_LIMIT_EXCEEDED", "message": "Too many.", "retry_after": 0}\n\n';

test('a stream that is refused for a while, in its own words, is told unless it was open before', async () => {
  await scripted(Array(2).fill(said(FULL)), async (client, asked) => {
    await assert.rejects(followed(() => client({ maxRetries: 1 })), RateLimited);
    assert.equal(asked.length, 2);
  });
  await scripted([streamed(told(4)), ...Array(3).fill(said(FULL)), said(GONE)], async (client, asked) => {
    await assert.rejects(followed(() => client({ maxRetries: 1 })), ApiKeyRevoked);
    assert.equal(asked.length, 5);
  });
});
