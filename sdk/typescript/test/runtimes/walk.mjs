// A walk through what the client does, with nothing of any one runtime's own: Node, Deno, Bun and pages take it alike.

function same(found, wanted) {
  const [left, right] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (left !== right) throw new Error(`${left} instead of ${right}`);
}

async function rejected(promise, kind) {
  const error = await promise.then((value) => new Error(`resolved with ${JSON.stringify(value)}`), (thrown) => thrown);
  if (!(error instanceof kind)) throw error;
  return error;
}

/**
 * Takes the walk. `daimon` is the package; `api` the server, `key` and `inbox` those of an account that may send,
 * `peer` a server that answers by script, `request` one to a webhook; `file` is ready to be attached, if there is one.
 */
export async function walk(daimon, { api, key, inbox, peer, request, file }) {
  const steps = { mail, pages, files, stream, brokenStream, webhook, errors, retries, patience };
  const sender = new daimon.DaimonClient({ baseUrl: api, apiKey: key });
  const scripted = (name, more) => new daimon.DaimonClient({ baseUrl: `${peer}/${name}`, apiKey: 'dm_free_x', ...more });
  const given = { daimon, api, sender, inbox, scripted, request, file };
  for (const [name, step] of Object.entries(steps)) {
    await step(given).catch((error) => {
      throw new Error(`${name}: ${error?.stack ?? error}`, { cause: error });
    });
  }
  return Object.keys(steps);
}

/** An account without a key; mail with a code, claimed; an answer in the same thread. */
async function mail({ daimon, api, sender, inbox }) {
  const mine = await new daimon.DaimonClient({ baseUrl: api }).inboxes.create();
  same([mine.nextSteps.length > 0, mine.email], [true, `${mine.username}@${mine.domain}`]);
  const { messages } = new daimon.DaimonClient({ baseUrl: api, apiKey: mine.inboxApiKey });
  const waiting = messages.wait(mine.id, { timeout: 30_000, hasCode: true });
  const sent = await sender.messages.send(inbox, { to: mine.email, subject: 'Your code', body: 'Your code is 482915.' });
  same([sent.status, sent.recipients[0].address], ['queued', mine.email]);
  const message = await waiting;
  same([message.subject, message.codes[0].code], ['Your code', '482915']);
  const claimed = await messages.claim(mine.id, { leaseSeconds: 60 });
  same([claimed.message.id, claimed.claim.claimCount], [message.id, 1]);
  same((await messages.ack(mine.id, message.id, { leaseId: claimed.claim.leaseId })).id, message.id);
  same(await messages.claim(mine.id), null);

  const other = await sender.inboxes.create({ metadata: { my_key: 1 } });
  same(other.metadata, { my_key: 1 });
  await sender.messages.send(inbox, { to: other.email, subject: 'A question', body: 'What is it?' });
  const came = await sender.messages.wait(other.id, { timeout: 30_000 });
  const reply = await sender.messages.reply(other.id, came.id, { body: 'This.' });
  same(reply.threadId, came.threadId);
  same((await sender.messages.wait(inbox, { timeout: 30_000, subject: 'A question' })).bodyText.trim().split('\n')[0], 'This.');
}

/** Lists, one page after the other. */
async function pages({ daimon, api }) {
  const first = await new daimon.DaimonClient({ baseUrl: api }).inboxes.create();
  const client = new daimon.DaimonClient({ baseUrl: api, apiKey: first.accountApiKey });
  const made = [first.id];
  for (let n = 0; n < 4; n++) made.push((await client.inboxes.create()).id);
  const page = await client.inboxes.list({ limit: 2 });
  same([page.result.length, page.total, page.hasMore], [2, 5, true]);
  const ids = [];
  for await (const each of client.inboxes.list({ limit: 2 })) ids.push(each.id);
  same(ids, made);
  same((await page.nextPage()).result.map((each) => each.id), made.slice(2, 4));
}

/** Files of octets, of a Blob, of a stream and, where there are such, of a path; there and back. */
async function files({ sender, inbox, file }) {
  const other = await sender.inboxes.create();
  const octets = Uint8Array.from({ length: 70_000 }, (_, index) => index % 256);
  const attachments = [
    { filename: 'octets.bin', content: octets },
    globalThis.File // not in Node 18
      ? new File(['a,b\n'], 'a.csv', { type: 'text/csv' })
      : { filename: 'a.csv', content: new Blob(['a,b\n'], { type: 'text/csv' }) },
    { filename: 'stream.txt', content: new Blob(['in ', 'pieces']).stream(), contentType: 'text/plain' },
    ...(file ? [file] : []),
  ];
  const wanted = ['octets.bin', 'a.csv', 'stream.txt', ...(file ? [file.filename] : [])];
  await sender.messages.send(inbox, { to: other.email, subject: 'Files', body: 'Here.', attachments });
  const came = await sender.messages.wait(other.id, { timeout: 30_000 });
  same(came.attachments.map((each) => each.filename), wanted);
  same(came.attachments[1].contentType, 'text/csv');
  const back = await Promise.all(came.attachments.map((each) => sender.messages.download(other.id, came.id, each.id)));
  same(Array.from(back[0]), Array.from(octets));
  same(back.slice(1, 3).map((each) => new TextDecoder().decode(each)), ['a,b\n', 'in pieces']);
  if (file) same(Array.from(back[3]), Array.from(file.content));
}

/** Events as they happen, and again from where one stopped. */
async function stream({ daimon, api, sender, inbox }) {
  const mine = await new daimon.DaimonClient({ baseUrl: api }).inboxes.create();
  const client = new daimon.DaimonClient({ baseUrl: api, apiKey: mine.accountApiKey });
  let after;
  for await (const event of client.events.stream({ after: 0 })) {
    same([event.event, event.inboxId], ['inbox.created', mine.id]);
    after = event.sequence;
    break;
  }
  await sender.messages.send(inbox, { to: mine.email, subject: 'Seen', body: 'Is it?' });
  for await (const event of client.events.stream({ after })) {
    same([event.event, event.sequence, event.data.message.subject], ['message.received', after + 1, 'Seen']);
    break;
  }
  const silent = client.events.stream();
  setTimeout(() => silent.close(), 50);
  for await (const event of silent) throw new Error(`nothing happened but ${event.event}`);
}

/** A stream that breaks off in the middle of an event goes on behind the last whole one. */
async function brokenStream({ daimon, scripted }) {
  const seen = [];
  const follow = async () => {
    for await (const event of scripted('stream').events.stream({ after: 0 })) seen.push(event.sequence);
  };
  await rejected(follow(), daimon.ApiKeyRevoked);
  same(seen, [1, 2, 3]);
}

/** Ours is taken; another is refused. */
async function webhook({ daimon, scripted, request: { body, headers, secret } }) {
  const { webhooks } = scripted('');
  same((await webhooks.verify(body, headers, secret)).eventId, 'evt_1');
  same((await webhooks.verify(new TextEncoder().encode(body), new Headers(headers), secret)).eventId, 'evt_1');
  await rejected(webhooks.verify(`${body} `, headers, secret), daimon.InvalidSignature);
}

/** Classes by code and status, and what they tell. */
async function errors({ daimon, api, sender, inbox }) {
  const missing = await rejected(sender.inboxes.get('inbox_1'), daimon.InboxNotFound);
  same([missing instanceof daimon.NotFound, missing.status, missing.name], [true, 404, 'InboxNotFound']);
  same([missing.nextSteps.length > 0, missing.requestId.slice(0, 4)], [true, 'req_']);
  const { username } = await sender.inboxes.get(inbox);
  const taken = await rejected(sender.inboxes.create({ username }), daimon.UsernameTaken);
  same(taken.suggestions.length, 3);
  await rejected(new daimon.DaimonClient({ baseUrl: api, apiKey: 'dm_free_x' }).whoami(), daimon.InvalidApiKey);
}

/** 503, 429 and a lost connection are tried again; a long Retry-After is thrown, read from the header. */
async function retries({ daimon, scripted }) {
  same((await scripted('busy').whoami()).tier, 'free');
  const limited = await rejected(scripted('limited').whoami(), daimon.RateLimited);
  same([limited.retryAfter, limited.requestId], [3600, 'req_of_the_header']);
  const given = await rejected(scripted('down', { maxRetries: 1 }).whoami(), daimon.ServerError);
  same(given.status, 502);
}

/** Time-outs, and signals of the caller's. */
async function patience({ daimon, scripted }) {
  const late = await rejected(scripted('silent', { timeout: 100, maxRetries: 0 }).whoami(), daimon.NoAnswer);
  same(late.maybeDone, true);
  const given = new AbortController();
  setTimeout(() => given.abort(new Error('enough')), 50);
  same((await rejected(scripted('silent').whoami({ signal: given.signal }), Error)).message, 'enough');
}
