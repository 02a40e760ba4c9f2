// Runs all tests: against the server that the environment tells of, else against one that is started from ../../.venv.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const DAIMON = process.env.TEST_DAIMON ?? fileURLToPath(new URL('../../../.venv/bin/daimon', import.meta.url));
const FREE_PORTS = ['--http-port=0', '--smtp-port=0', '--submission-port=0', '--metrics-port=0'];
const here = fileURLToPath(new URL('.', import.meta.url));
const tests = readdirSync(here).filter((name) => name.endsWith('.test.mjs')).map((name) => join(here, name));

function run(env) {
  const more = ['--test', '--test-reporter=spec', ...process.argv.slice(2)];
  return spawnSync(process.execPath, [...more, ...tests], { env: { ...process.env, ...env }, stdio: 'inherit' }).status ?? 1;
}

async function started() {
  const data = mkdtempSync(join(tmpdir(), 'daimon-'));
  const env = { ...process.env, DAIMON_FREE_CREATES_PER_HOUR: '0' };
  const child = spawn(DAIMON, ['serve', `--data-dir=${data}`, ...FREE_PORTS], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = await new Promise((resolve, reject) => {
    let all = '';
    const read = (line) => {
      all += `${line}\n`;
      if (line.startsWith('Ready after')) resolve(all);
    };
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', read);
    child.once('error', (error) => reject(new Error(`${DAIMON} does not start: make it by \`make serve\` in the repository, or name one in TEST_DAIMON`, { cause: error })));
    child.once('exit', () => reject(new Error(`the server did not start:\n${all}`)));
  });
  const stop = async () => {
    const gone = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGTERM');
    await gone;
    rmSync(data, { recursive: true, force: true });
  };
  const api = /API\s+(http\S+)/.exec(said)[1];
  const smtp = /SMTP\s+\S*?:(\d+)/.exec(said)[1];
  return [{ TEST_DAIMON: DAIMON, TEST_DAIMON_API: api, TEST_DAIMON_SMTP: smtp, TEST_DAIMON_DATA: data }, stop];
}

if (process.env.TEST_DAIMON_API) {
  process.exitCode = run({});
} else {
  const [told, stop] = await started();
  process.exitCode = run(told);
  await stop();
}
