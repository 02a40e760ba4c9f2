// The server that the tests speak to, told of in the environment: by `run.mjs`, or by who else started one.
import { execFileSync } from 'node:child_process';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { DaimonClient } from 'daimon-email';

const { TEST_DAIMON: DAIMON, TEST_DAIMON_API: api, TEST_DAIMON_SMTP: smtp, TEST_DAIMON_DATA: data } = process.env;
if (!api) throw new Error('no server was told of: run `npm test`');

export const server = { api, smtp: Number(smtp), data };

/** Returns a client with the key of a fresh account, and the account's first inbox. */
export async function account({ tier } = {}) {
  const first = await new DaimonClient({ baseUrl: server.api }).inboxes.create();
  if (tier) execFileSync(DAIMON, ['admin', 'account', 'set-tier', first.accountId, tier, `--data-dir=${server.data}`]);
  return { first, client: new DaimonClient({ baseUrl: server.api, apiKey: first.accountApiKey }) };
}

/** Sends a mail by SMTP, as a stranger would. */
export async function receive(to, { subject = 'Hello', body = 'Your code is 123456.', file } = {}) {
  const parts = file
    ? ['MIME-Version: 1.0', 'Content-Type: multipart/mixed; boundary=b', '', '--b', 'Content-Type: text/plain', '', body,
       '--b', 'Content-Type: application/pdf', 'Content-Disposition: attachment; filename=a.pdf', '', file, '--b--']
    : ['', body];
  const mail = ['From: Login <login@example.com>', `To: ${to}`, `Subject: ${subject}`, ...parts].join('\r\n');
  const socket = connect(server.smtp, '127.0.0.1');
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  const answer = async () => {
    for (;;) {
      const { value = '' } = await lines.next();
      if (!/^[23]/.test(value)) throw new Error(`refused: ${value}`);
      if (value[3] !== '-') return;
    }
  };
  await answer();
  for (const line of ['EHLO example.com', 'MAIL FROM:<login@example.com>', `RCPT TO:<${to}>`, 'DATA', `${mail}\r\n.`]) {
    socket.write(`${line}\r\n`);
    await answer();
  }
  socket.end('QUIT\r\n');
  return `${mail}\r\n`;
}
