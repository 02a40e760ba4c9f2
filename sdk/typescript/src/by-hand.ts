/** What there is more to than a request and an answer; the generated resources extend these. */
import { checkedTime, type RequestOptions } from './config.js';
import type { Download, Event, EventType, Message } from './models.js';
import { path } from './path.js';
import { flattened, type Answered } from './reading.js';
import { jitter } from './retry.js';
import { EventStream } from './streams.js';
import type { Transport } from './transport.js';
import { pause } from './waiting.js';
import { verify, type HeadersLike, type RawBody } from './webhooks.js';

/** Calls of one kind. */
export class Resource {
  declare protected readonly transport: Transport;

  constructor(transport: Transport) {
    Object.defineProperty(this, 'transport', { value: transport }); // not among what is printed of a client
  }
}

export interface WaitParams {
  /** Milliseconds until it resolves with null: 60,000. `null` waits for ever. */
  timeout?: number | null | undefined;
  /** An event's number or id, a message's id or a time: only what came behind it. */
  after?: string | number | Date | undefined;
  /** The sender's address. */
  from?: string | undefined;
  /** Text that the subject holds. */
  subject?: string | undefined;
  /** Only messages with a one-time code. */
  hasCode?: boolean | undefined;
}

const LONGEST_POLL = 60_000; // the server allows 120 s; proxies on the way often cut a silent connection earlier
const SHORTEST_POLL = 1_000; // a server that answers "nothing" sooner is about to stop, and is not asked again at once

export class MessagesByHand extends Resource {
  /**
   * Waits for a message, and resolves with it as soon as it is there; with null after `timeout` milliseconds without.
   *
   * Without `after`, an unread message that is there already is taken at once. A server that stops meanwhile is looked
   * for until then.
   */
  async wait(inboxId: string, params: WaitParams = {}, options?: RequestOptions): Promise<Answered<Message> | null> {
    const { timeout = 60_000, ...asked } = params;
    const until = timeout === null ? Infinity : Date.now() + (timeout <= 0 ? 0 : checkedTime(timeout));
    const where = path`/v1/inboxes/${inboxId}/messages/wait`;
    const poll = { longest: LONGEST_POLL, until, isKnown: false };
    for (;;) {
      const began = Date.now();
      const told = await this.transport.json({ verb: 'GET', path: where, query: asked, poll }, options);
      poll.isKnown = true;
      const message = flattened(told) as Answered<Message> | null;
      if (message) return message;
      if (Date.now() >= until) return null;
      if (Date.now() - began < SHORTEST_POLL) {
        await pause(Math.min(jitter(SHORTEST_POLL), Math.max(until - Date.now(), 0)), options?.signal);
      }
    }
  }

  /** Fetches the octets of an attachment. */
  async download(
    inboxId: string,
    messageId: string,
    attachmentId: string,
    options?: RequestOptions,
  ): Promise<Uint8Array> {
    const where = path`/v1/inboxes/${inboxId}/messages/${messageId}/attachments/${attachmentId}`;
    const link = await this.transport.send<Download>('GET', where, undefined, options);
    const { pathname, search } = new URL(link.url);
    const below = pathname.slice(Math.max(pathname.indexOf('/v1/'), 0)); // the public URL may be out of reach from here
    return this.transport.octets(below + search, undefined, options);
  }
}

export interface StreamParams {
  /** The `sequence` or the id of an event: what came behind it. By default, what comes from now on. */
  after?: string | number | undefined;
  events?: readonly EventType[] | undefined;
  inboxIds?: readonly string[] | undefined;
  podIds?: readonly string[] | undefined;
}

export class EventsByHand extends Resource {
  /**
   * Follows events as they happen: iterate over it with `for await`, and `break` or `close()` when it is enough.
   *
   * A lost connection is opened again behind the last event, so none is missed and none comes twice. Messages in
   * `data` are whole.
   */
  stream(params: StreamParams = {}, options: Pick<RequestOptions, 'signal'> = {}): EventStream {
    const { after, events, inboxIds, podIds } = params;
    const asked = { after, event: events?.join(), inboxId: inboxIds?.join(), podId: podIds?.join() };
    return new EventStream(this.transport, '/v1/events/stream', asked, options.signal);
  }
}

export class WebhooksByHand extends Resource {
  /**
   * Resolves with the event in a webhook's request, if it is ours and not older than five minutes; asks nobody.
   *
   * `body` is the request's body, octet by octet as it came. Rejects with InvalidSignature if it was not signed with
   * this secret (`whsec_…`), or too long ago; with a TypeError for what is no body or no secret.
   */
  verify(body: RawBody, headers: HeadersLike, secret: string): Promise<Event> {
    return verify(body, headers, secret);
  }
}

export class AccountByHand extends Resource {
  /**
   * Resolves with everything in the account as the octets of a ZIP archive, piece by piece.
   *
   * For accounts that memory may not hold: `export` resolves with the same at once. Tried once; `timeout` is that of
   * the beginning, and the signal ends the stream, too.
   */
  exportStream(options: Pick<RequestOptions, 'signal' | 'timeout'> = {}): Promise<ReadableStream<Uint8Array>> {
    return this.transport.stream('/v1/account/export', options);
  }
}
