// What files are made of, as it is sent.
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { runInNewContext } from 'node:vm';
import { DaimonClient } from 'daimon-email';
import { fileFromPath } from 'daimon-email/node';

/** Returns the attachments of a send as they left. */
async function sent(...attachments) {
  let body;
  const fetch = async (_, init) => {
    body = JSON.parse(init.body);
    return new Response('{"result": {}, "next_steps": []}');
  };
  await new DaimonClient({ baseUrl: 'https://d.test', fetch }).messages.send('inbox_1', { attachments });
  return body.attachments;
}

const octets = Uint8Array.of(1, 2, 3, 4, 5, 6);
const named = (content, more) => ({ filename: 'a', content, ...more });
const withoutIteration = (stream) => ({ getReader: () => stream.getReader() }); // Safari's
for (const [what, content, wanted] of [
  ['a part of a Buffer', Buffer.from(octets).subarray(2, 4), [3, 4]],
  ['two-octet numbers', new Uint16Array([0x0201]), [1, 2]],
  ['a DataView', new DataView(octets.buffer, 1, 2), [2, 3]],
  ['an ArrayBuffer of another realm', runInNewContext('Uint8Array.of(7).buffer'), [7]],
  ['octets of another realm', runInNewContext('Uint8Array.of(8)'), [8]],
  ['a stream of octets and text', Readable.from([octets, 'ä']), [1, 2, 3, 4, 5, 6, 0xc3, 0xa4]],
  ['a stream that cannot be iterated over', withoutIteration(new Blob([octets]).stream()), [...octets]],
  ['a generator', (function* () { yield octets; yield octets.subarray(5); })(), [1, 2, 3, 4, 5, 6, 6]],
  ['nothing', '', []],
]) {
  test(`a file is made of ${what}`, async () => {
    const [file] = await sent(named(content));
    assert.deepEqual([...Buffer.from(file.content, 'base64')], wanted);
  });
}

test('what is no file is refused with its name, before anything is sent', async () => {
  for (const content of [null, 5, {}, [65, 66], Readable.from([{ a: 1 }])]) {
    await assert.rejects(sent(named(content, { filename: 'odd.bin' })), { name: 'TypeError', message: /odd\.bin/ });
  }
  await assert.rejects(sent('/tmp/a.pdf'), /fileFromPath/);
  await assert.rejects(sent(undefined), TypeError);
  await assert.rejects(sent({ filename: 'x', content: 'a', base64: 'YQ==' }), /either content or base64/);
});

test('of a Blob\'s type the parameters are left out, as the API takes none', async () => {
  const types = async (...files) => (await sent(...files)).map((file) => file.content_type);
  const blob = (type) => new Blob(['a'], { type });
  assert.deepEqual(await types(named(blob('text/plain;charset=utf-8')), Object.assign(blob('text/csv; header=present'), { name: 'a.csv' })), ['text/plain', 'text/csv']);
  assert.deepEqual(await types(named(blob('')), named(blob('a/b'), { contentType: 'c/d' })), [undefined, 'c/d']);
});

test('a path, or a URL of one, tells name and type', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'file-')), 'Übersicht 日本.PDF');
  writeFileSync(path, '%PDF');
  for (const where of [path, pathToFileURL(path)]) {
    const file = await fileFromPath(where);
    assert.deepEqual([file.filename, file.contentType, String(file.content)], ['Übersicht 日本.PDF', 'application/pdf', '%PDF']);
  }
  const given = await fileFromPath(path, { filename: 'a.unknown', contentId: 'x' });
  assert.deepEqual([given.filename, given.contentType, given.contentId], ['a.unknown', undefined, 'x']);
  assert.equal((await fileFromPath(path, { contentType: 'text/plain' })).contentType, 'text/plain');
});
