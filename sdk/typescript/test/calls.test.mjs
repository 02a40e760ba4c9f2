// Calls of every kind against a whole server.
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { writeFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  ClientIdConflict, DaimonClient, DaimonError, Forbidden, InboxLimitReached, InboxNotFound, InvalidApiKey,
  MessageNotFound, NotFound, PaymentRequired, SendRequiresPaid, StateConflict, UsernameTaken, ValidationFailed,
} from 'daimon-email';
import { fileFromPath } from 'daimon-email/node';
import { account, receive, server } from './server.mjs';

test('a create without a key tells both keys, and what to do next', async () => {
  const { first } = await account();
  assert.match(first.accountApiKey, /^dm_free_/);
  assert.match(first.inboxApiKey, /^dm_free_/);
  assert.equal(first.email, `${first.username}@${first.domain}`);
  assert.ok(first.nextSteps.some((step) => step.includes('account_api_key')));
});

test('a clientId finds what was made before; keys of metadata are the caller\'s own', async () => {
  const { client } = await account();
  const made = await client.inboxes.create({ clientId: 'a-1', metadata: { my_key: 1, myKey: { inner_key: 2 } } });
  const again = await client.inboxes.create({ clientId: 'a-1', metadata: { my_key: 1, myKey: { inner_key: 2 } } });
  assert.deepEqual([again.id, again.inboxApiKey], [made.id, undefined]);
  assert.deepEqual(again.metadata, { my_key: 1, myKey: { inner_key: 2 } });
  await assert.rejects(client.inboxes.create({ clientId: 'a-1' }), ClientIdConflict);
});

test('a list goes on to its next pages', async () => {
  const { client, first } = await account();
  const made = [first.id];
  for (let n = 0; n < 4; n++) made.push((await client.inboxes.create()).id);
  const page = await client.inboxes.list({ limit: 2 });
  assert.deepEqual(page.result.map((inbox) => inbox.id), made.slice(0, 2));
  assert.deepEqual([page.total, page.limit, page.offset, page.hasMore], [5, 2, 0, true]);
  const ids = [];
  for await (const inbox of page) ids.push(inbox.id);
  assert.deepEqual(ids, made);
  const rest = [];
  for await (const inbox of client.inboxes.list({ limit: 2, offset: 1 })) rest.push(inbox.id);
  assert.deepEqual(rest, made.slice(1));
  assert.equal(await (await client.inboxes.list({ cursor: page.nextCursor, limit: 50 })).nextPage(), null);
});

test('null clears a field, what is not given stays', async () => {
  const { client, first } = await account();
  assert.equal((await client.inboxes.update(first.email, { displayName: 'Ada', metadata: { a: 1 } })).displayName, 'Ada');
  const changed = await client.inboxes.update(first.email, { displayName: null });
  assert.deepEqual([changed.displayName, changed.metadata], [null, { a: 1 }]);
  assert.equal((await client.inboxes.delete(first.id)).deleted, true);
  await assert.rejects(client.inboxes.get(first.id), (error) => {
    assert.ok(error instanceof InboxNotFound && error instanceof NotFound && error instanceof DaimonError);
    assert.deepEqual([error.status, error.code], [404, 'INBOX_NOT_FOUND']);
    assert.match(error.requestId, /^req_/);
    return true;
  });
});

test('keys: rotated, wrong, too narrow', async () => {
  const { client, first } = await account();
  const rotated = await client.inboxes.rotateKey(first.id, { graceSeconds: 60 });
  const narrow = new DaimonClient({ baseUrl: server.api, apiKey: rotated.inboxApiKey });
  const who = await narrow.whoami();
  assert.deepEqual([who.scope, who.inboxId], ['inbox', first.id]);
  await assert.rejects(narrow.account.get(), Forbidden);
  await assert.rejects(new DaimonClient({ baseUrl: server.api, apiKey: 'dm_free_x' }).whoami(), InvalidApiKey);
  assert.throws(() => new DaimonClient({ baseUrl: server.api, apiKey: ' ' }), /apiKey is empty/);
});

test('errors say what to tell the operator, what is free and what is wrong', async () => {
  const { client, first } = await account();
  const other = await account();
  await assert.rejects(other.client.inboxes.create({ username: first.username }), (error) => {
    assert.ok(error instanceof UsernameTaken);
    assert.equal(error.suggestions.length, 3);
    return true;
  });
  await assert.rejects(client.inboxes.create({ username: 'no spaces' }), (error) => {
    assert.ok(error instanceof ValidationFailed);
    assert.deepEqual(error.details.map((detail) => detail.field), ['username']);
    return true;
  });
  for (let n = 0; n < 9; n++) await client.inboxes.create();
  await assert.rejects(client.inboxes.create(), (error) => {
    assert.ok(error instanceof InboxLimitReached && error instanceof PaymentRequired);
    assert.ok(error.upgradeContext.agentScript);
    assert.ok(error.nextSteps.length);
    return true;
  });
  await assert.rejects(client.messages.send(first.id, { to: 'ada@example.com', subject: 'Hi' }), SendRequiresPaid);
});

test('a mail is awaited, read, changed and deleted', async () => {
  const { client, first } = await account();
  const { messages } = client;
  assert.equal(await messages.wait(first.id, { timeout: 0 }), null);
  const waiting = messages.wait(first.id, { timeout: 30_000, from: 'login@example.com', hasCode: true });
  const octets = await receive(first.email, { file: '%PDF-1.7' });
  const message = await waiting;
  assert.deepEqual([message.subject, message.codes[0].code, message.fromName], ['Hello', '123456', 'Login']);
  assert.deepEqual(message.headers.subject, ['Hello']);
  assert.equal(new TextDecoder().decode(await messages.raw(first.id, message.id)), octets);
  const [attachment] = message.attachments;
  assert.equal(attachment.contentType, 'application/pdf');
  const link = await messages.attachment(first.id, message.id, attachment.id);
  assert.equal(await (await fetch(link.url)).text(), '%PDF-1.7');
  const downloaded = await messages.download(first.id, message.id, attachment.id);
  assert.equal(new TextDecoder().decode(downloaded), '%PDF-1.7');
  assert.deepEqual((await messages.update(first.id, message.id, { read: true, labels: ['a'] })).labels, ['a']);
  const after = new Date(Date.parse(message.receivedAt) - 1000);
  const { result } = await messages.list(first.id, { label: 'a', unread: false, after });
  assert.deepEqual(result.map((each) => each.id), [message.id]);
  assert.equal((await messages.delete(first.id, message.id)).deleted, true);
  await assert.rejects(messages.get(first.id, message.id), MessageNotFound);
  assert.equal(await messages.wait(first.id, { timeout: 100, after: new Date() }), null);
});

test('a wait is given up when its signal says so', async () => {
  const { client, first } = await account();
  const given = new AbortController();
  const waiting = client.messages.wait(first.id, { timeout: null }, { signal: given.signal });
  setTimeout(() => given.abort(new Error('enough')), 50);
  await assert.rejects(waiting, /enough/);
});

test('a message is claimed, released, claimed again and acknowledged', async () => {
  const { client, first } = await account();
  const { messages } = client;
  assert.equal(await messages.claim(first.id), null);
  await receive(first.email);
  await messages.wait(first.id, { timeout: 30_000 });
  assert.equal(await messages.claim(first.id, { subject: 'nothing of the kind' }), null);
  const claimed = await messages.claim(first.id, { leaseSeconds: 60, hasCode: true });
  assert.equal(claimed.claim.claimCount, 1);
  await messages.release(first.id, claimed.message.id, { leaseId: claimed.claim.leaseId });
  const again = await messages.claim(first.id);
  const ack = (claim) => messages.ack(first.id, claimed.message.id, { leaseId: claim.claim.leaseId });
  await assert.rejects(ack(claimed), StateConflict);
  assert.equal((await ack(again)).id, claimed.message.id);
  assert.equal(await messages.claim(first.id), null);
});

test('threads of one inbox and of all, and their labels', async () => {
  const { client, first } = await account();
  await receive(first.email, { subject: 'Talk' });
  const { threadId } = await client.messages.wait(first.id, { timeout: 30_000 });
  const { threads } = client;
  assert.deepEqual((await threads.list(first.id)).result.map((each) => each.id), [threadId]);
  assert.deepEqual((await threads.list({ unread: true, order: 'asc' })).result.map((each) => each.id), [threadId]);
  assert.deepEqual((await threads.list()).result.map((each) => each.subject), ['Talk']);
  assert.deepEqual((await threads.addLabels(first.id, threadId, { labels: ['a', 'b'] })).labels, ['a', 'b']);
  assert.deepEqual((await threads.removeLabels(first.id, threadId, { labels: ['a', 'x'] })).labels, ['b']);
});

test('mail goes out with files of every kind', async () => {
  const { client, first } = await account({ tier: 'developer' });
  const other = await client.inboxes.create();
  const path = join(mkdtempSync(join(tmpdir(), 'file-')), 'path.txt');
  writeFileSync(path, 'path');
  const sent = await client.messages.send(first.id, {
    to: `Other <${other.email}>`,
    subject: 'Files',
    body: 'Here they are.',
    headers: { 'X-My_Header': 'kept' },
    attachments: [
      { filename: 'text.txt', content: 'täxt', contentType: 'text/plain' },
      { filename: 'octets.bin', content: new Uint8Array([1, 2, 3]) },
      { filename: 'base64.bin', base64: 'AQID' },
      { filename: 'blob.txt', content: new Blob(['blob'], { type: 'text/plain' }) },
      { filename: 'stream.bin', content: Readable.from([Buffer.from('str'), Buffer.from('eam')]) },
      await fileFromPath(path, { contentType: 'text/plain' }),
    ],
  });
  assert.deepEqual([sent.status, sent.recipients[0].address], ['queued', other.email]);
  const came = await client.messages.wait(other.id, { timeout: 30_000 });
  assert.deepEqual(came.attachments.map((each) => each.filename),
    ['text.txt', 'octets.bin', 'base64.bin', 'blob.txt', 'stream.bin', 'path.txt']);
  const texts = await Promise.all(came.attachments.map(async (each) =>
    new TextDecoder().decode(await client.messages.download(other.id, came.id, each.id))));
  assert.deepEqual(texts, ['täxt', '\x01\x02\x03', '\x01\x02\x03', 'blob', 'stream', 'path']);
  assert.deepEqual(came.headers['x-my_header'], ['kept']);
  assert.equal((await client.messages.deliveries(first.id, sent.id)).deliveries[0].recipient, other.email);
  const answer = await client.messages.reply(other.id, came.id, { body: 'Thank you.' });
  assert.equal(answer.threadId, came.threadId);
  await assert.rejects(client.messages.send(first.id, { to: other.email, attachments: [{ filename: 'x' }] }), TypeError);
});

test('a draft is scheduled by a Date and taken back by null', async () => {
  const { client, first } = await account({ tier: 'developer' });
  const draft = await client.drafts.create(first.id, { subject: 'Later', to: 'delivered@simulator.daimon.email' });
  const sendAt = new Date(Date.now() + 86_400_000);
  const scheduled = await client.drafts.update(first.id, draft.id, { sendAt });
  assert.equal(Date.parse(scheduled.sendAt), sendAt.getTime());
  assert.equal((await client.drafts.update(first.id, draft.id, { sendAt: null })).status, 'draft');
  const sent = await client.drafts.send(first.id, draft.id);
  assert.equal((await client.drafts.get(first.id, draft.id)).sentMessageId, sent.id);
});

test('pods, keys, members and teams', async () => {
  const { client } = await account();
  const pod = await client.pods.create({ name: 'Customer', metadata: { a_b: 1 }, limits: { maxInboxes: 2 } });
  assert.deepEqual([pod.limits.maxInboxes, pod.metadata], [2, { a_b: 1 }]);
  const ofPod = new DaimonClient({ baseUrl: server.api, apiKey: pod.podApiKey });
  const inbox = await ofPod.inboxes.create();
  assert.equal(inbox.podId, pod.id);
  assert.deepEqual((await client.pods.inboxes(pod.id)).result.map((each) => each.id), [inbox.id]);
  assert.deepEqual((await client.pods.threads(pod.id)).result, []);
  const key = await client.keys.create({ scope: 'pod', podId: pod.id, permissions: ['messages:read'] });
  assert.match(key.apiKey, /^dm_/);
  assert.notEqual((await client.keys.rotate(key.id)).apiKey, key.apiKey);
  assert.equal((await client.keys.get(key.id)).scope, 'pod');
  const member = await client.members.create({ email: 'ada@example.com', grants: [{ role: 'viewer' }] });
  const team = await client.teams.create({ name: 'Support' });
  assert.equal((await client.teams.addMember(team.id, member.id)).memberCount, 1);
  const granted = await client.teams.setGrants(team.id, { grants: [{ role: 'developer', podId: pod.id }] });
  assert.deepEqual(granted.grants, [{ role: 'developer', podId: pod.id }]);
  assert.equal((await client.teams.removeMember(team.id, member.id)).memberCount, 0);
  await assert.rejects(client.pods.delete(pod.id), { code: 'POD_NOT_EMPTY' });
  assert.equal((await client.pods.delete(pod.id, { inboxes: 'delete' })).deleted, true);
});

test('account, usage, audit, rules, suppressions, domains and the server', async () => {
  const { client, first } = await account({ tier: 'developer' });
  assert.equal((await client.account.get()).limits.currentInboxes, 1);
  assert.ok((await client.account.capabilities()).can.length);
  assert.ok((await client.account.smtp()).host);
  const zip = await client.account.export();
  assert.equal(new TextDecoder().decode(zip.subarray(0, 2)), 'PK');
  let streamed = 0;
  for await (const piece of await client.account.exportStream()) streamed += piece.length;
  assert.ok(streamed > 100);
  const usage = await client.usage.get({ by: 'account' });
  assert.equal(typeof usage.totals.storedBytes, 'number');
  assert.match(usage.firstDay, /^\d{4}-\d\d-\d\d$/);
  await client.rules.create({ direction: 'inbound', action: 'block', value: 'example.net', inboxId: first.id });
  const actions = [];
  for await (const entry of client.audit.list({ limit: 1 })) actions.push(entry.action);
  assert.ok(actions.includes('rule.created') || actions.length > 0);
  assert.equal((await client.suppressions.add({ address: 'A/b+c@Example.com' })).address, 'a/b+c@example.com');
  assert.equal((await client.suppressions.get('a/b+c@example.com')).reason, 'manual');
  const domain = await client.domains.create({ domain: `agents-${Date.now()}.example.org` });
  assert.match(await client.domains.zoneFile(domain.id), /IN\s+TXT/);
  assert.equal((await client.server.healthz()).status, 'ok');
  assert.equal((await client.server.openapi()).openapi.slice(0, 2), '3.');
});

test('a bill is divided; keys of `fixed` are the caller\'s own', async () => {
  const { client } = await account();
  const pod = await client.pods.create({ name: 'Customer' });
  const split = await client.billing.setSplits({ by: 'pod', method: 'fixed', fixed: { [pod.id]: 100 }, markupPercent: 5 });
  assert.deepEqual([split.fixed, split.markupPercent], [{ [pod.id]: 100 }, 5]);
  const report = await client.billing.splitsReport({ totalCents: 1000 });
  assert.match(await client.billing.splitsReportCsv({ totalCents: 1000 }), /^\w+(,\w+)+\r\n/);
  assert.match(await client.billing.splitsStatement({ issuer: 'Ada & Co.' }), /^<!doctype html>[^]*Ada &amp; Co\./);
  assert.deepEqual([report.totalCents, report.status], [1000, 'open']);
  assert.equal(report.result.reduce((sum, line) => sum + line.amountCents, 0), 1000);
});

test('an id cannot lead to another path', async () => {
  const { client, first } = await account();
  for (const wrong of ['', '.', '..', undefined]) {
    await assert.rejects(client.messages.delete(first.id, wrong), { name: 'TypeError', message: /is not an id/ });
    await assert.rejects(async () => client.messages.list(wrong), TypeError);
  }
  await assert.rejects(client.inboxes.get('../account?x=1#y'), InboxNotFound);
});

test('events are listed, and followed as they happen', async () => {
  const { client, first } = await account();
  await client.inboxes.create();
  const page = await client.events.list({ limit: 1 });
  assert.deepEqual([page.result[0].sequence, page.hasMore], [1, true]);
  assert.deepEqual((await client.events.list({ events: ['message.received'], inboxIds: [first.id] })).result, []);
  const seen = [];
  for await (const event of client.events.stream({ after: 0 })) {
    seen.push(event);
    if (seen.length === 2) await receive(first.email);
    if (seen.length === 3) break;
  }
  assert.deepEqual(seen.map((event) => event.event), ['inbox.created', 'inbox.created', 'message.received']);
  assert.match(seen[2].data.message.bodyText, /123456/);
  await assert.rejects(client.events.stream({ after: 99 })[Symbol.asyncIterator]().next(), { code: 'INVALID_CURSOR' });
});

test('a stream ends when it is closed, or its signal says so', async () => {
  const { client } = await account();
  const stream = client.events.stream();
  setTimeout(() => stream.close(), 50);
  for await (const event of stream) assert.fail(`nothing happened, but ${event.event}`);
  const given = new AbortController();
  const other = client.events.stream({}, { signal: given.signal })[Symbol.asyncIterator]();
  setTimeout(() => given.abort(), 50);
  assert.deepEqual(await other.next(), { done: true, value: undefined });
});

test('a webhook is made, changed and deleted', async () => {
  const { client } = await account();
  const made = await client.webhooks.create({ url: 'https://93.184.215.14/hook', events: ['inbox.created'] });
  assert.match(made.secret, /^whsec_/);
  assert.equal((await client.webhooks.update(made.id, { description: 'Mine', events: [] })).description, 'Mine');
  assert.notEqual((await client.webhooks.rotateSecret(made.id)).secret, made.secret);
  assert.equal((await client.webhooks.replay(made.id, { after: 0, events: ['message.received'] })).until, 1);
  assert.deepEqual((await client.webhooks.deliveries(made.id)).result, []);
  assert.equal((await client.webhooks.delete(made.id)).deleted, true);
});
