// What is published: small, for every runtime, and complete.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { webcrypto } from 'node:crypto';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const LARGEST = 20 * 1024;

async function bundled(format) {
  const options = { bundle: true, minify: true, platform: 'browser', write: false, format, globalName: 'daimon' };
  const { outputFiles, warnings } = await build({ ...options, entryPoints: [`${ROOT}/dist/esm/index.js`] });
  assert.deepEqual(warnings, []);
  return outputFiles[0];
}

test('a bundle of everything is at most 20 KiB, minified and compressed', async () => {
  const size = gzipSync((await bundled('esm')).contents).length;
  assert.ok(size <= LARGEST, `${size} octets`);
});

test('it runs where there is nothing but what browsers have', async () => {
  const asked = [];
  const answer = async (url, init) => {
    asked.push([url, init.method, init.headers['User-Agent']]);
    return new Response('{"result": {"view_url": "x"}, "next_steps": []}');
  };
  const web = { Headers, Response, URL, URLSearchParams, TextDecoder, TextEncoder, AbortController, Blob, Uint8Array, crypto: webcrypto, setTimeout, clearTimeout, atob, btoa };
  const page = createContext({ ...web, answer });
  runInContext((await bundled('iife')).text, page);
  const made = await runInContext(`new daimon.DaimonClient({ baseUrl: 'https://d.test', fetch: answer }).inboxes.create()`, page);
  assert.equal(made.viewUrl, 'x');
  assert.deepEqual(asked, [['https://d.test/v1/inboxes', 'POST', undefined]]);
});

test('`require` gives the same as `import`', async () => {
  const required = createRequire(import.meta.url)('daimon-email');
  const imported = await import('daimon-email');
  assert.deepEqual(Object.keys(required).sort(), Object.keys(imported).sort());
  assert.ok(createRequire(import.meta.url)('daimon-email/node').fileFromPath);
});

test('`npm pack` takes what is needed, and the package needs no other', () => {
  const [packed] = JSON.parse(execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  const files = packed.files.map((file) => file.path);
  for (const needed of ['README.md', 'package.json', 'dist/esm/index.js', 'dist/esm/index.d.ts', 'dist/cjs/index.js', 'dist/cjs/index.d.ts', 'dist/cjs/package.json']) {
    assert.ok(files.includes(needed), needed);
  }
  assert.ok(files.every((file) => /^(dist\/|README\.md$|package\.json$|LICENSE$)/.test(file)));
  const told = createRequire(import.meta.url)('daimon-email/package.json');
  assert.equal(told.dependencies, undefined);
});
