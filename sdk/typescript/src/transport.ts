/** Sends requests, again where that helps. */
import { errorOf, redirected } from './answer-error.js';
import { camelCased, snakeCased } from './casing.js';
import { checkedRetries, checkedTime, type Config, type RequestOptions } from './config.js';
import { randomKey } from './crypto.js';
import { DaimonError, NoAnswer } from './error.js';
import { withFiles } from './files.js';
import { Page, PagePromise } from './paging.js';
import type { Path } from './path.js';
import { flattened, jsonOf, objectOf, unexpected, type Json } from './reading.js';
import { pauseAfter } from './retry.js';
import { later, onAbort, pause, unlessAborted } from './waiting.js';

export type { Answered } from './reading.js';

export interface Wanted {
  verb: string;
  path: Path;
  query?: object | undefined;
  body?: object | undefined;
  poll?: Poll;
}

/** A request that the server holds for a while: `timeout` in its query, on top of the client's time-out. */
export interface Poll {
  /** Milliseconds that one request may be held. */
  longest: number;
  /** When the wait ends, and with it trying again (`Date.now()`). */
  until: number;
  /** Whether the server has answered such a request, or has held one: then it is looked for until the end. */
  isKnown: boolean;
}

type Read<T> = (got: Response) => Promise<T>;

/** How long an attempt may take, and who may end it. `streams`: its body may go on after that time. */
interface Bounds {
  time: number;
  signal: AbortSignal | undefined;
  streams?: boolean;
}

export class Transport {
  constructor(readonly config: Config) {}

  /** Calls an operation whose result is an object. `inQuery` names the params that are not of the body. */
  async send<T>(verb: string, path: Path, params?: object, options?: RequestOptions, inQuery?: string[]): Promise<T> {
    const inBody = verb !== 'GET' && verb !== 'DELETE';
    const asked = inBody ? await unlessAborted(parted(params, inQuery), options?.signal) : { query: params };
    return flattened(await this.json({ verb, path, ...asked }, options)) as T;
  }

  /** Calls an operation that lists; `items` is where they stand in the answer. */
  page<T, E>(path: Path, items: string, params?: object, options?: RequestOptions): PagePromise<T, E> {
    return new PagePromise<T, E>(this.fetchPage<T, E>(path, items, params, options));
  }

  /** Calls an operation whose answer is no JSON. */
  async octets(path: Path, params?: object, options?: RequestOptions): Promise<Uint8Array> {
    const octets = await this.request({ verb: 'GET', path, query: params }, (got) => got.arrayBuffer(), options);
    return new Uint8Array(octets);
  }

  /** Calls an operation whose answer is text. */
  text(path: Path, params?: object, options?: RequestOptions): Promise<string> {
    return this.request({ verb: 'GET', path, query: params }, (got) => got.text(), options);
  }

  /** Returns the JSON of an answer as it is. */
  json(wanted: Wanted, options?: RequestOptions): Promise<Json> {
    return this.request(wanted, objectOf, options);
  }

  /** Sends a request until it is answered well, or trying on is no use. Rejects with a DaimonError. */
  async request<T>(wanted: Wanted, read: Read<T>, options: RequestOptions = {}): Promise<T> {
    if (typeof wanted.path !== 'string') throw wanted.path;
    const { signal, timeout = this.config.timeout, maxRetries = this.config.maxRetries } = options;
    const { verb, query, poll } = wanted;
    const time = checkedTime(timeout);
    const retries = checkedRetries(maxRetries);
    const url = this.config.baseUrl + wanted.path;
    const init = await this.initOf(wanted, options);
    for (let tries = 0; ; tries++) {
      const began = Date.now();
      const held = poll ? Math.max(0, Math.min(poll.longest, poll.until - began)) : 0; // what is left, for each try
      const asked = queryOf(poll ? { ...query, timeout: held / 1000 } : query);
      let error: DaimonError;
      try {
        return await this.attempt(url + asked, init, read, { time: time + held, signal });
      } catch (thrown) {
        error = this.failed(thrown);
      }
      const now = Date.now();
      if (poll && error instanceof NoAnswer && error.maybeDone && now - began >= HELD) poll.isKnown = true;
      const wait = pauseAfter(error, tries, verb !== 'DELETE');
      const isLate = wait !== undefined && poll !== undefined && now + wait > poll.until;
      const isGivenUp = tries >= retries && !(poll?.isKnown && retries);
      if (wait === undefined || isLate || isGivenUp) throw error;
      await pause(wait, signal);
    }
  }

  /** Calls an operation whose answer comes piece by piece; once. It rejects with a DaimonError, and so does reading. */
  async stream(path: string, options: Pick<RequestOptions, 'signal' | 'timeout'>): Promise<ReadableStream<Uint8Array>> {
    const { signal, timeout = this.config.timeout } = options;
    const given = new AbortController(); // its end is the stream's; the caller's may outlive many
    const unlisten = onAbort(signal, () => given.abort(signal?.reason));
    const ended = (thrown: unknown) => {
      unlisten();
      throw given.signal.aborted ? given.signal.reason : this.failed(thrown);
    };
    const bounds = { signal: given.signal, time: checkedTime(timeout) };
    const { body } = await this.open(path, '*/*', undefined, bounds).catch(ended);
    const reader = body!.getReader();
    return new ReadableStream<Uint8Array>({
      async pull(to) {
        const { value, done } = await reader.read().catch(ended);
        if (!done) return to.enqueue(value);
        unlisten();
        to.close();
      },
      cancel(reason) {
        unlisten();
        return reader.cancel(reason);
      },
    });
  }

  /** Opens a stream: its body is still to come. Rejects with a DaimonError; tries once. */
  async open(path: string, accept: string, query: object | undefined, bounds: Bounds): Promise<Response> {
    const url = this.config.baseUrl + path + queryOf(query);
    const init = { method: 'GET', headers: this.config.headers({ Accept: accept }) };
    return this.attempt(url, init, async (got) => got, { ...bounds, streams: true }).catch((thrown: unknown) => {
      throw this.failed(thrown);
    });
  }

  private async initOf(wanted: Wanted, options: RequestOptions): Promise<RequestInit> {
    const key = wanted.verb === 'POST' ? { 'Idempotency-Key': options.idempotencyKey || (await randomKey()) } : {};
    const type = wanted.body ? { 'Content-Type': 'application/json' } : {};
    const headers = this.config.headers({ ...type, ...key }, options.headers);
    return { method: wanted.verb, headers, ...(wanted.body && { body: JSON.stringify(wanted.body) }) };
  }

  /** The time is that of the whole answer, unless it streams: its body is here when this resolves. */
  private async attempt<T>(url: string, init: RequestInit, read: Read<T>, bounds: Bounds): Promise<T> {
    const { time, signal, streams } = bounds;
    const given = new AbortController();
    const endTimer = later(time, () => given.abort());
    const endSignal = onAbort(signal, () => given.abort(signal?.reason));
    try {
      return await unlessAborted(this.answered(url, init, read, given.signal), given.signal);
    } catch (thrown) {
      if (signal?.aborted) throw new Aborted(signal.reason);
      throw given.signal.aborted ? new NoAnswer(`none within ${time} ms`, true, { from: this.config.baseUrl }) : thrown;
    } finally {
      endTimer();
      if (!streams) endSignal();
    }
  }

  private async answered<T>(url: string, init: RequestInit, read: Read<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted(); // a `fetch` of the caller's may not look
    const response = await this.config.fetch(url, { ...init, redirect: 'manual', signal });
    if (response.ok) return read(response);
    const told = await jsonOf(response);
    const { status, type, headers } = response;
    if (type === 'opaqueredirect' || (status >= 300 && status < 400)) throw redirected(response);
    throw errorOf(status, told, headers);
  }

  /** Returns why no answer came; throws on what the caller did. */
  private failed(thrown: unknown): DaimonError {
    if (thrown instanceof Aborted) throw thrown.reason;
    if (thrown instanceof DaimonError) return thrown;
    const error = thrown as { message?: string; code?: string; cause?: { code?: string; message?: string } };
    const code = error.cause?.code ?? error.code ?? '';
    const why = error.cause?.message || code || error.message || String(thrown);
    return new NoAnswer(why.trim(), !NEVER_SENT.has(code), { cause: thrown, from: this.config.baseUrl });
  }

  private async fetchPage<T, E>(
    path: Path,
    items: string,
    params?: object,
    options?: RequestOptions,
  ): Promise<Page<T> & E> {
    const told = await this.json({ verb: 'GET', path, query: params }, options);
    const { [items]: found, ...rest } = (told['result'] ?? {}) as Json;
    if (!Array.isArray(found)) throw unexpected();
    const next = (cursor: string) => {
      const { offset: _, ...kept } = (params ?? {}) as Json;
      return this.fetchPage<T, E>(path, items, { ...kept, cursor }, options);
    };
    const page = new Page<T>(camelCased(found) as T[], (told['next_steps'] ?? []) as string[], next as never);
    return Object.assign(page, { hasMore: Boolean(rest['next_cursor']) }, camelCased(rest)) as Page<T> & E;
  }
}

const HELD = 1_000; // milliseconds after which whoever lets go of a long poll did hear it
const NEVER_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT', 'ConnectionRefused']);

class Aborted {
  constructor(readonly reason: unknown) {}
}

async function parted(params: object | undefined, inQuery: string[] = []): Promise<{ query?: Json; body?: Json }> {
  if (!params) return {};
  const body: Json = { ...(await withFiles(params)) };
  const query: Json = {};
  for (const name of inQuery) {
    query[name] = body[name];
    delete body[name];
  }
  return { query, body: snakeCased(body) as Json };
}

function queryOf(query: object | undefined): string {
  if (!query) return '';
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(snakeCased(query) as Json)) {
    if (value === null) continue;
    for (const each of Array.isArray(value) ? value : [value]) asked.append(name, String(each));
  }
  const text = asked.toString();
  return text && `?${text}`;
}
