/** Following events: whatever breaks, it goes on behind the last one. */
import { errorOf } from './answer-error.js';
import { camelCased } from './casing.js';
import { DaimonError, NoAnswer } from './error.js';
import type { Event } from './models.js';
import { unexpected } from './reading.js';
import { growing, pauseAfter } from './retry.js';
import { blocksOf, type Block } from './sse.js';
import type { Transport } from './transport.js';
import { onAbort, pause } from './waiting.js';

const SILENCE = 20_000; // on top of the client's time-out; the server says something every 15 s

interface Asked {
  after?: string | number | undefined;
}

/** Events as they happen: iterate over it; `close` it when it is no longer wanted. */
export class EventStream implements AsyncIterable<Event> {
  readonly #closed = new AbortController();
  readonly #transport: Transport;
  readonly #path: string;
  readonly #asked: Asked;
  readonly #events: AsyncGenerator<Event>;
  #unlisten = () => undefined as void;

  constructor(transport: Transport, path: string, asked: Asked, signal?: AbortSignal) {
    this.#transport = transport;
    this.#path = path;
    this.#asked = asked;
    this.#events = this.#follow();
    this.#unlisten = onAbort(signal, () => this.close());
  }

  [Symbol.asyncIterator](): AsyncIterator<Event> {
    return {
      next: () => this.#events.next(),
      return: async () => {
        this.close();
        return { done: true, value: undefined };
      },
    };
  }

  /** Closes the connection: the iteration ends. */
  close(): void {
    this.#unlisten();
    this.#closed.abort();
    this.#events.return(undefined).catch(() => undefined); // ends what waits between two events
  }

  async *#follow(): AsyncGenerator<Event> {
    const { signal } = this.#closed;
    const patience = this.#transport.config.timeout + SILENCE;
    let wasOpen = false;
    for (let tries = 0; !signal.aborted; tries++) {
      const connection = new AbortController();
      const stop = () => connection.abort();
      const unlisten = onAbort(signal, stop);
      let wait: number | undefined;
      try {
        const response = await this.#open(connection.signal, patience);
        for await (const block of blocksOf(response.body!, patience, stop)) {
          const event = this.#eventOf(block);
          wasOpen = true; // not refused, in words of the stream's own
          if (event || block.id === undefined) tries = 0; // a sign of life, more than where it begins
          if (event) yield event;
        }
        wait = growing(tries);
      } catch (thrown) {
        if (signal.aborted) return;
        const error = thrown instanceof DaimonError ? thrown : new NoAnswer(String(thrown), false, { cause: thrown });
        wait = pauseAfter(error, tries, true);
        if (wait === undefined || (tries >= this.#transport.config.maxRetries && !wasOpen)) {
          this.#unlisten();
          throw error;
        }
      } finally {
        unlisten();
        stop();
      }
      await pause(wait, signal).catch(() => undefined);
    }
  }

  async #open(signal: AbortSignal, time: number): Promise<Response> {
    const response = await this.#transport.open(this.#path, 'text/event-stream', this.#asked, { signal, time });
    if (!/^text\/event-stream\b/i.test(response.headers.get('Content-Type') ?? '')) throw unexpected();
    return response;
  }

  #eventOf({ event, id, data }: Block): Event | undefined {
    if (event === 'error') throw errorOf(200, parsed(data));
    if (id !== undefined) this.#asked.after = id;
    return data === undefined ? undefined : (camelCased(parsed(data)) as Event);
  }
}

function parsed(data: string | undefined): unknown {
  try {
    return JSON.parse(data ?? '');
  } catch {
    throw unexpected();
  }
}
