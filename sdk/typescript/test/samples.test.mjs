// The samples of README.md, and of the page that started the project: run as they stand there.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'esbuild';
import { account, receive, server } from './server.mjs';

const file = fileURLToPath(new URL(`./.sample-${process.pid}.mjs`, import.meta.url)); // here, so that it finds the package

function write(source) {
  writeFileSync(file, transformSync(source, { loader: 'ts', format: 'esm' }).code);
}

function run(source, env = {}) {
  write(source);
  const done = spawnSync(process.execPath, [file], { env: { ...process.env, DAIMON_BASE_URL: server.api, ...env }, encoding: 'utf8', timeout: 50_000 });
  rmSync(file);
  assert.equal(done.status, 0, done.stderr);
  return done.stdout;
}

/** Runs a sample that takes webhooks on port 3000; here, on one that is free. It is sent an event, and one that nobody signed. */
async function receiveWebhooks(source) {
  const secret = /'(whsec_[^']+)'/.exec(source)[1];
  const body = '{"event": "message.received"}';
  const at = String(Math.floor(Date.now() / 1000));
  const signed = createHmac('sha256', Buffer.from(secret.slice(6), 'base64')).update(`evt_1.${at}.${body}`).digest('base64');
  const headers = { 'webhook-id': 'evt_1', 'webhook-timestamp': at, 'webhook-signature': `v1,${signed}` };
  write(source.replace('listen(3000)', "listen(0, '127.0.0.1', () => console.error(server.address().port))"));
  const sample = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'pipe'] });
  try {
    const [port] = await once(sample.stderr.setEncoding('utf8'), 'data');
    const post = (more) => fetch(`http://127.0.0.1:${port.trim()}/`, { method: 'POST', body, headers: { ...headers, ...more } });
    assert.equal((await post({ 'webhook-signature': 'v1,bm9ib2R5' })).status, 401);
    const [[said], { status }] = await Promise.all([once(sample.stdout.setEncoding('utf8'), 'data'), post({})]);
    assert.equal(status, 204);
    return said;
  } finally {
    sample.kill();
    rmSync(file);
  }
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

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const samples = [...readme.matchAll(/```ts\n(.*?)```/gs)].map((found) => found[1]);

// What each prints, in the order of the page.
const printed = [
  /^\S+@\S+ dm_free_\S+ dm_free_\S+$/m,
  /^Hello 123456$/m,
  /^queued (queued|delivered)$/m,
  /^2 2 false\nlogin@example\.com Hello$/m,
  /^Hello$/m,
  /^inbox\.created 1$[^]*^message\.received \d+$/m,
  /^message\.received$/m,
  /^free are \[/m,
];

test('it is known what each sample of README.md prints', () => assert.equal(samples.length, printed.length));
for (const [index, sample] of samples.entries()) {
  test(`sample ${index + 1} of README.md runs: ${sample.split('\n').find((line) => /client\.|agent\./.test(line))?.trim()}`, async () => {
    const { first, client } = await account({ tier: 'developer' });
    const other = await client.inboxes.create();
    await receive(first.email);
    await client.messages.wait(first.id, { timeout: 30_000 });
    const said = sample.includes('listen(3000)') ? await receiveWebhooks(sample) : run(sample, {
      DAIMON_API_KEY: sample.includes('no key yet') ? '' : first.accountApiKey,
      INBOX: first.email, INBOX_KEY: first.inboxApiKey, TO: other.email,
    });
    assert.match(said, printed[index]);
  });
}
