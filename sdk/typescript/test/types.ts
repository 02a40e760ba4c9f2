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

export function told(error: unknown): string | undefined {
  return error instanceof InboxLimitReached ? error.upgradeContext?.agentScript : undefined;
}
