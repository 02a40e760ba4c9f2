// What is published: small, for every runtime, and complete.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { webcrypto } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
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
    asked.push([url, init.method, init.headers.get('user-agent'), JSON.parse(init.body ?? '{}')]);
    return new Response('{"result": {"view_url": "x"}, "next_steps": []}');
  };
  const web = { Headers, Response, URL, URLSearchParams, TextDecoder, TextEncoder, AbortController, Blob, crypto: webcrypto, setTimeout, clearTimeout, atob, btoa };
  const page = createContext({ ...web, answer });
  runInContext(`${(await bundled('iife')).text}; var client = new daimon.DaimonClient({ baseUrl: 'https://d.test', fetch: answer })`, page);
  const made = await runInContext('client.inboxes.create()', page);
  assert.equal(made.viewUrl, 'x');
  const octets = Buffer.alloc(70_000, 'abcdefg');
  await runInContext('(content) => client.messages.send("a", { attachments: [{ filename: "b", content }] })', page)(octets);
  assert.deepEqual(asked, [
    ['https://d.test/v1/inboxes', 'POST', null, {}],
    ['https://d.test/v1/inboxes/a/send', 'POST', null, { attachments: [{ filename: 'b', content: octets.toString('base64') }] }],
  ]);
});

test('`require` gives the same as `import`', async () => {
  const required = createRequire(import.meta.url)('daimon-email');
  const imported = await import('daimon-email');
  assert.deepEqual(Object.keys(required).sort(), Object.keys(imported).sort());
  assert.ok(createRequire(import.meta.url)('daimon-email/node').fileFromPath);
});

test('a program that takes one class has not the others in its bundle', async () => {
  const contents = "import { NotFound } from 'daimon-email'; console.log(NotFound.name)";
  const { outputFiles } = await build({ stdin: { contents, resolveDir: ROOT }, bundle: true, minify: true, format: 'esm', platform: 'browser', write: false });
  assert.ok(!outputFiles[0].text.includes('Idempotency-Key'), outputFiles[0].text);
});

test('webpack is told not to look for what Node 18 alone needs: it warns of what it cannot find', () => {
  for (const format of ['esm', 'cjs']) {
    assert.match(readFileSync(`${ROOT}/dist/${format}/crypto.js`, 'utf8'), /await import\(\/\* webpackIgnore: true \*\//);
  }
});

test('the types are read by TypeScript 5.0, which knows no octets of a kind', () => {
  for (const format of ['esm', 'cjs']) {
    for (const name of readdirSync(`${ROOT}/dist/${format}`).filter((each) => each.endsWith('.d.ts'))) {
      assert.ok(!/(Uint8Array|Buffer)</.test(readFileSync(`${ROOT}/dist/${format}/${name}`, 'utf8').replace(/(ReadableStream|Iterable|Promise)<Uint8Array/g, '')), name);
    }
  }
});

test('a debugger and an editor find the source of each line', () => {
  for (const format of ['esm', 'cjs']) {
    for (const map of ['index.js.map', 'index.d.ts.map', 'resources/index.js.map']) {
      const where = `${ROOT}/dist/${format}/${map}`;
      for (const source of JSON.parse(readFileSync(where, 'utf8')).sources) assert.ok(existsSync(resolve(dirname(where), source)), source);
    }
  }
});

test('`npm pack` takes what is needed, and the package needs no other', () => {
  const [packed] = JSON.parse(execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  const files = packed.files.map((file) => file.path);
  for (const needed of ['README.md', 'package.json', 'src/index.ts', 'dist/esm/index.js', 'dist/esm/index.d.ts', 'dist/cjs/index.js', 'dist/cjs/index.d.ts', 'dist/cjs/package.json']) {
    assert.ok(files.includes(needed), needed);
  }
  assert.ok(files.every((file) => /^((dist|src)\/|README\.md$|package\.json$|LICENSE$)/.test(file)));
  const told = createRequire(import.meta.url)('daimon-email/package.json');
  assert.equal(told.dependencies, undefined);
});
