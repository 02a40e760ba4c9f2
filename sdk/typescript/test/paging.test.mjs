// Lists of several pages: against a server that answers by script.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerError } from 'daimon-email';
import { failure, result, scripted } from './scripted.mjs';

const page = (ids, cursor) => result({ inboxes: ids.map((id) => ({ id })), next_cursor: cursor, total: 3 });

test('pages are gone through one by one, and no further than is read', async () => {
  await scripted([page(['a', 'b'], 'x'), page(['c'], null), page(['a', 'b'], 'x')], async (client, asked) => {
    const seen = [];
    for await (const each of client().inboxes.list({ limit: 2 }).pages()) seen.push([each.total, ...each.result.map((inbox) => inbox.id)]);
    assert.deepEqual(seen, [[3, 'a', 'b'], [3, 'c']]);
    assert.equal(asked[1].url, '/v1/inboxes?limit=2&cursor=x');
    for await (const inbox of client().inboxes.list()) if (inbox.id === 'b') break;
    assert.equal(asked.length, 3);
  });
});

test('a page that does not come is told where the list is read, and can be asked for again', async () => {
  const down = failure(500, 'INTERNAL');
  await scripted([page(['a', 'b'], 'x'), down, page(['c'], null)], async (client) => {
    const first = await client({ maxRetries: 0 }).inboxes.list();
    const seen = [];
    await assert.rejects(async () => {
      for await (const inbox of first) seen.push(inbox.id);
    }, ServerError);
    assert.deepEqual(seen, ['a', 'b']);
    assert.deepEqual((await first.nextPage()).result, [{ id: 'c' }]);
  });
});
