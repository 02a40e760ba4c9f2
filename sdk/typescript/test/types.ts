// What a type checker knows: compiled, not run. `@ts-expect-error` fails where there is no error.
import { DaimonClient, InboxLimitReached, type Answered, type CreatedInbox, type Event, type Inbox, type Message } from 'daimon-email';

export async function use(client: DaimonClient): Promise<void> {
  const made: Answered<CreatedInbox> = await client.inboxes.create({ username: 'a' });
  const inbox: Inbox = made;
  const key: string | undefined = made.inboxApiKey;
  const steps: string[] = made.nextSteps;
  const page = await client.inboxes.list({ limit: 2 });
  const total: number = page.total;
  for await (const each of client.inboxes.list()) console.log(each.email, total, key, steps);
  const message: Message | null = await client.messages.wait(inbox.id, { timeout: null });
  const sent = (await client.usage.get()).totals.sent + (message?.size ?? 0);
  for await (const event of client.events.stream()) take(event, sent);
  const undone = { limit: undefined };
  await client.threads.list(inbox.id, undone);
  await client.threads.list({ unread: true });
  // @ts-expect-error -- no such parameter
  await client.inboxes.create({ user: 'a' });
  // @ts-expect-error -- no such status
  await client.inboxes.list({ status: 'asleep' });
  // @ts-expect-error -- messages are not counted
  console.log((await client.messages.list(inbox.id)).total);
  // @ts-expect-error -- it may be null
  console.log((await client.messages.claim(inbox.id)).message);
  // @ts-expect-error -- a webhook needs a URL
  await client.webhooks.create({});
}

function take(event: Event, sent: number): number {
  return event.sequence + sent;
}

/** With `exactOptionalPropertyTypes`: what may be undefined may be handed on as it is. */
export async function unsure(client: DaimonClient, text: string | undefined, time: number | undefined, signal: AbortSignal | undefined): Promise<void> {
  new DaimonClient({ apiKey: text, baseUrl: text, timeout: time, maxRetries: time, headers: undefined, fetch: undefined });
  new DaimonClient({ apiKey: null, baseUrl: new URL('https://d.test'), fetch: async (url, init) => fetch(url, init) });
  await client.whoami({ signal, timeout: time, maxRetries: time, idempotencyKey: text, headers: { 'x-a': text } });
  await client.messages.wait('a', { timeout: time, after: text, from: text, subject: text, hasCode: undefined });
  await client.messages.send('a', { attachments: [{ filename: 'a', content: text ?? new Uint8Array(), contentType: text, contentId: text }] });
  client.events.stream({ after: text, events: undefined, inboxIds: undefined }, { signal });
  for await (const page of client.events.list({ after: 5 }).pages()) await page.nextPage();
  await client.account.exportStream({ signal, timeout: time });
  // @ts-expect-error -- a parsed body is none that was signed
  await client.webhooks.verify({ event: 'x' }, new Headers(), 'whsec_');
}

export function told(error: unknown): string | undefined {
  return error instanceof InboxLimitReached ? error.upgradeContext?.agentScript : undefined;
}
