/** Following events (server-sent events, WHATWG HTML §9.2.6): whatever breaks, it goes on behind the last one. */
import { errorOf } from './answer-error.js';
import { camelCased } from './casing.js';
import { DaimonError, NoAnswer } from './error.js';
import type { Event } from './models.js';
import { jitter, pause, pauseAfter } from './retry.js';
import type { Transport } from './transport.js';

const SILENCE = 20_000; // on top of the client's time-out; the server says something every 15 s

/** Events as they happen: iterate over it; `close` it when it is no longer wanted. */
export class EventStream implements AsyncIterable<Event> {
  readonly #closed = new AbortController();
  readonly #events: AsyncGenerator<Event>;

  constructor(
    private readonly transport: Transport,
    private readonly path: string,
    private readonly asked: { after?: string | number | undefined },
    signal?: AbortSignal,
  ) {
    this.#events = this.follow();
    if (signal?.aborted) this.close();
    signal?.addEventListener('abort', () => this.close(), { once: true });
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
    this.#closed.abort();
    this.#events.return(undefined).catch(() => undefined); // ends what waits between two events
  }

  private async *follow(): AsyncGenerator<Event> {
    let tries = 0;
    let wasOpen = false;
    while (!this.#closed.signal.aborted) {
      const connection = new AbortController();
      const stop = () => connection.abort();
      this.#closed.signal.addEventListener('abort', stop);
      try {
        const watch = new Watch(this.transport.config.timeout + SILENCE, stop);
        const opening = this.transport.open(this.path, 'text/event-stream', this.asked, connection.signal);
        const response = await opening.finally(() => watch.end());
        tries = 0;
        wasOpen = true;
        yield* this.read(response, connection);
        await pause(jitter(250), this.#closed.signal);
      } catch (thrown) {
        if (this.#closed.signal.aborted) return;
        const error = thrown instanceof DaimonError ? thrown : new NoAnswer(String(thrown), false, thrown);
        const wait = pauseAfter(error, tries, true);
        if (wait === undefined || (tries >= this.transport.config.maxRetries && !wasOpen)) throw error;
        tries++;
        await pause(wait, this.#closed.signal).catch(() => undefined);
      } finally {
        this.#closed.signal.removeEventListener('abort', stop);
        stop();
      }
    }
  }

  /** Yields the events of one connection, up to its end. One that breaks off in the middle is none. */
  private async *read(response: Response, connection: AbortController): AsyncGenerator<Event> {
    let fields: Record<string, string> = {};
    for await (const line of this.lines(response, connection)) {
      if (line) {
        const colon = line.indexOf(': ');
        if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 2);
        continue;
      }
      const { event, id, data } = fields;
      fields = {};
      if (event === 'error') throw errorOf(200, JSON.parse(data ?? '{}'));
      if (id !== undefined) this.asked.after = id;
      if (data !== undefined) yield camelCased(JSON.parse(data)) as Event;
    }
  }

  /** Yields lines. Only a line feed ends one: text may hold what else Unicode takes for the end. */
  private async *lines(response: Response, connection: AbortController): AsyncGenerator<string> {
    const reader = response.body!.getReader();
    const decoder = new TextDecoder();
    const watch = new Watch(this.transport.config.timeout + SILENCE, () => connection.abort());
    let rest = '';
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        watch.again();
        const lines = (rest + decoder.decode(value, { stream: true })).split('\n');
        rest = lines.pop()!;
        yield* lines;
      }
    } catch {
      return; // the connection was lost
    } finally {
      watch.end();
      reader.cancel().catch(() => undefined);
    }
  }
}

/** Calls back when nothing was heard for a while. */
class Watch {
  private timer: ReturnType<typeof setTimeout>;

  constructor(
    private readonly silence: number,
    private readonly told: () => void,
  ) {
    this.timer = setTimeout(told, silence);
  }

  again(): void {
    this.end();
    this.timer = setTimeout(this.told, this.silence);
  }

  end(): void {
    clearTimeout(this.timer);
  }
}
