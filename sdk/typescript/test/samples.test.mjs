// The samples of README.md, of the quick start, and of the page that started the project: run as they stand there.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'esbuild';
import { account, receive, server } from './server.mjs';

function run(source, env = {}) {
  const { code } = transformSync(source, { loader: 'ts', format: 'esm' });
  const file = fileURLToPath(new URL(`./.sample-${process.pid}.mjs`, import.meta.url)); // here, so that it finds the package
  writeFileSync(file, code);
  const done = spawnSync(process.execPath, [file], { env: { ...process.env, DAIMON_BASE_URL: server.api, ...env }, encoding: 'utf8', timeout: 50_000 });
  rmSync(file);
  assert.equal(done.status, 0, done.stderr);
  return done.stdout;
}

test('the samples of the page that started the project run verbatim', () => {
  const sample = (name) => readFileSync(new URL(`../../../tests/sdk/seed_samples/${name}.ts.txt`, import.meta.url), 'utf8');
  // Each says `const client`, so the second, which uses the first's key, has a block of its own.
  const said = run(`${sample('create_first_inbox')}\n{\n${sample('list_inboxes')}\n}`).split('\n');
  assert.match(said[0], /^Account: acc_/);
  assert.match(said[1], /^First inbox: platform-admin@/);
  assert.equal(said[2], 'Total inboxes: 1');
  assert.match(said[3], /^- platform-admin@.+ \(inbox_\w+\)$/);
});

test('the sample of the quick start prints the code', async () => {
  const page = readFileSync(new URL('../../../docs/quick-start.md', import.meta.url), 'utf8');
  const [sample, ...more] = [...page.matchAll(/```ts\n(.*?)```/gs)].map((found) => found[1]);
  assert.deepEqual(more, []);
  const { first } = await account();
  await receive(first.email);
  const said = run(sample, { DAIMON_API_KEY: first.accountApiKey, INBOX: first.email, INBOX_KEY: first.inboxApiKey });
  assert.equal(said, '1\nHello 123456\n');
});

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const samples = [...readme.matchAll(/```ts\n(.*?)```/gs)].map((found) => found[1]);

test('README.md has samples', () => assert.ok(samples.length >= 6));
for (const [index, sample] of samples.entries()) {
  test(`sample ${index + 1} of README.md runs: ${sample.split('\n').find((line) => /client\.|agent\./.test(line))?.trim()}`, async () => {
    const { first, client } = await account({ tier: 'developer' });
    const other = await client.inboxes.create();
    await receive(first.email);
    await client.messages.wait(first.id, { timeout: 30_000 });
    run(sample, {
      DAIMON_API_KEY: sample.includes('no key yet') ? '' : first.accountApiKey,
      INBOX: first.email, INBOX_KEY: first.inboxApiKey, TO: other.email,
    });
  });
}
