/** Sends requests, again where that helps, and reads what comes back. */
import { errorOf } from './answer-error.js';
import { camelCased, snakeCased } from './casing.js';
import { type Config, type RequestOptions } from './config.js';
import { randomKey } from './crypto.js';
import { DaimonError, NoAnswer, UnexpectedAnswer } from './error.js';
import { withFiles } from './files.js';
import { Page, PagePromise } from './paging.js';
import { jitter, pause, pauseAfter } from './retry.js';

export { jitter, pause };

/** A result, and the next useful calls with real ids. */
export type Answered<T> = T & { nextSteps: string[] };

export interface Wanted {
  verb: string;
  path: string;
  query?: object | undefined;
  body?: object | undefined;
  /** Milliseconds that the server may take on top of the time-out. */
  patience?: number;
  /** When trying again ends (`Date.now()`). */
  until?: number;
}

type Json = Record<string, unknown>;

export class Transport {
  constructor(readonly config: Config) {}

  /** Calls an operation whose result is an object. `inQuery` names the params that are not of the body. */
  async send<T>(verb: string, path: string, params?: object, options?: RequestOptions, inQuery?: string[]): Promise<T> {
    const asked = verb === 'GET' || verb === 'DELETE' ? { query: params } : await parted(params, inQuery);
    return flattened(await this.json({ verb, path, ...asked }, options)) as T;
  }

  /** Calls an operation that lists; `items` is where they stand in the answer. */
  page<T, E>(path: string, items: string, params?: object, options?: RequestOptions): PagePromise<T, E> {
    return new PagePromise<T, E>(this.fetchPage<T, E>(path, items, params, options));
  }

  /** Calls an operation whose answer is no JSON. */
  async octets(path: string, params?: object, options?: RequestOptions): Promise<Uint8Array> {
    const octets = await this.request({ verb: 'GET', path, query: params }, (got) => got.arrayBuffer(), options);
    return new Uint8Array(octets);
  }

  /** Calls an operation whose answer is text. */
  text(path: string, params?: object, options?: RequestOptions): Promise<string> {
    return this.request({ verb: 'GET', path, query: params }, (got) => got.text(), options);
  }

  /** Returns the JSON of an answer as it is. */
  async json(wanted: Wanted, options?: RequestOptions): Promise<Json> {
    const told = await this.request(wanted, jsonOf, options);
    if (typeof told !== 'object' || told === null) throw unexpected(200);
    return told as Json;
  }

  /** Sends a request until it is answered well, or trying on is no use. Rejects with a DaimonError. */
  async request<T>(wanted: Wanted, read: (got: Response) => Promise<T>, options: RequestOptions = {}): Promise<T> {
    const headers: Record<string, string> = { ...this.config.headers, ...options.headers };
    if (wanted.body) headers['Content-Type'] = 'application/json';
    if (wanted.verb === 'POST') headers['Idempotency-Key'] = options.idempotencyKey ?? (await randomKey());
    const init: RequestInit = { method: wanted.verb, headers };
    if (wanted.body) init.body = JSON.stringify(wanted.body);
    const url = this.config.baseUrl + wanted.path + queryOf(wanted.query);
    const time = (options.timeout ?? this.config.timeout) + (wanted.patience ?? 0);
    for (let tries = 0; ; tries++) {
      let error: DaimonError;
      try {
        return await this.attempt(url, init, read, time, options.signal);
      } catch (thrown) {
        error = failed(thrown);
      }
      const wait = pauseAfter(error, tries, wanted.verb !== 'DELETE');
      const late = wanted.until !== undefined && wait !== undefined && Date.now() + wait > wanted.until;
      if (wait === undefined || late || tries >= (options.maxRetries ?? this.config.maxRetries)) throw error;
      await pause(wait, options.signal);
    }
  }

  /** Opens a stream: its body is still to come. Rejects with a DaimonError; tries once. */
  async open(path: string, accept: string, query?: object, signal?: AbortSignal): Promise<Response> {
    const url = this.config.baseUrl + path + queryOf(query);
    const init = { headers: { ...this.config.headers, Accept: accept }, signal: signal ?? null };
    const response = await this.config.fetch(url, init).catch((thrown: unknown) => {
      throw failed(thrown);
    });
    if (!response.ok) throw errorOf(response.status, await jsonOf(response), response.headers);
    return response;
  }

  /** The time is that of the whole answer: its body is here when this resolves. */
  private async attempt<T>(
    url: string,
    init: RequestInit,
    read: (got: Response) => Promise<T>,
    time: number,
    signal?: AbortSignal,
  ): Promise<T> {
    const given = new AbortController();
    const stop = () => given.abort(signal?.reason);
    signal?.addEventListener('abort', stop);
    if (signal?.aborted) stop();
    const timer = setTimeout(() => given.abort(), time);
    try {
      const response = await this.config.fetch(url, { ...init, signal: given.signal });
      if (response.ok) return await read(response);
      throw errorOf(response.status, await jsonOf(response), response.headers);
    } catch (thrown) {
      if (signal?.aborted) throw new Aborted(signal.reason);
      throw given.signal.aborted ? new NoAnswer(`none within ${time} ms`, true) : thrown;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
    }
  }

  private async fetchPage<T, E>(
    path: string,
    items: string,
    params?: object,
    options?: RequestOptions,
  ): Promise<Page<T> & E> {
    const told = await this.json({ verb: 'GET', path, query: params }, options);
    const { [items]: found, ...rest } = (told['result'] ?? {}) as Json;
    if (!Array.isArray(found)) throw unexpected(200);
    const next = (cursor: string) => {
      const { offset: _, ...kept } = (params ?? {}) as Json;
      return this.fetchPage<T, E>(path, items, { ...kept, cursor }, options);
    };
    const page = new Page<T>(camelCased(found) as T[], told['next_steps'] as string[], next as never);
    return Object.assign(page, { hasMore: Boolean(rest['next_cursor']) }, camelCased(rest)) as Page<T> & E;
  }
}

/** Returns the result of an answer with its next steps; null for none. */
export function flattened(told: Json): unknown {
  if (!('result' in told)) throw unexpected(200);
  const result = told['result'];
  if (result === null) return null;
  if (typeof result !== 'object') throw unexpected(200);
  return Object.assign(camelCased(result) as Json, { nextSteps: told['next_steps'] ?? [] });
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

/** Returns the JSON of an answer; undefined if it is none. Rejects if the answer breaks off. */
async function jsonOf(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}

function unexpected(status: number): UnexpectedAnswer {
  return new UnexpectedAnswer('The answer is not one of this API; is the base URL right?', {
    status,
    code: 'UNEXPECTED_ANSWER',
  });
}

const NEVER_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT', 'ConnectionRefused']);

/** Returns why no answer came; throws on what the caller did. */
function failed(thrown: unknown): DaimonError {
  if (thrown instanceof Aborted) throw thrown.reason;
  if (thrown instanceof DaimonError) return thrown;
  const error = thrown as { message?: string; code?: string; cause?: { code?: string; message?: string } };
  const code = error.cause?.code ?? error.code ?? '';
  const why = error.cause?.message || code || error.message || String(thrown);
  return new NoAnswer(why, !NEVER_SENT.has(code), thrown);
}

class Aborted {
  constructor(readonly reason: unknown) {}
}
