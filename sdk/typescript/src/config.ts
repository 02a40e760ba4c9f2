/** Where the server is and who asks: from arguments, else from the environment. */
import { mergedHeaders, type HeadersGiven } from './headers.js';
import { VERSION } from './version.js';

/** What sends requests: the global `fetch`, or what does as it does. `Headers` are in `init`. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface ClientOptions {
  /** The key; else DAIMON_API_KEY. `null`: none, whatever the environment says; then only `inboxes.create` works. */
  apiKey?: string | null | undefined;
  /** Where the server is, with or without `/v1`; else DAIMON_BASE_URL, else https://api.daimon.email. */
  baseUrl?: string | URL | undefined;
  /** Milliseconds until a request without an answer is given up: 30,000. `Infinity` waits for ever. */
  timeout?: number | undefined;
  /** How often what fails is tried again, where that is safe: 4. */
  maxRetries?: number | undefined;
  /** Sent with each request, instead of what the client sends under the same names. */
  headers?: HeadersGiven | undefined;
  /** Used instead of the global `fetch`. */
  fetch?: Fetch | undefined;
}

export interface RequestOptions {
  /** Under which a POST is done once only; made for each call unless it is given. */
  idempotencyKey?: string | undefined;
  /** Milliseconds, instead of the client's. */
  timeout?: number | undefined;
  /** Instead of the client's. */
  maxRetries?: number | undefined;
  /** Gives the call up when it is aborted; it rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Sent with this request, instead of the client's of the same names. */
  headers?: HeadersGiven | undefined;
}

export interface Config {
  readonly baseUrl: string;
  /** A function, so that whoever prints a client does not print its key. */
  readonly headers: (...more: (HeadersGiven | undefined)[]) => Headers;
  readonly timeout: number;
  readonly maxRetries: number;
  readonly fetch: Fetch;
}

const DEFAULT_BASE_URL = 'https://api.daimon.email';

/** Returns the configuration. Throws a TypeError for what cannot be right. */
export function configure(options: ClientOptions): Config {
  const key = keyOf(options.apiKey);
  const own = {
    Accept: 'application/json',
    'User-Agent': environment() && `daimon-email-typescript/${VERSION}`, // browsers send their own
    Authorization: key && `Bearer ${key}`,
  };
  const common = mergedHeaders(own, options.headers);
  return {
    baseUrl: baseUrlOf(options.baseUrl),
    headers: (...more) => mergedHeaders(common, ...more),
    timeout: checkedTime(options.timeout ?? 30_000),
    maxRetries: checkedRetries(options.maxRetries ?? 4),
    fetch: options.fetch ?? ((url, init) => globalThis.fetch(url, init)),
  };
}

/** Returns milliseconds as they are. Throws a TypeError for what is no time, or none at all. */
export function checkedTime(timeout: number): number {
  if (typeof timeout === 'number' && timeout > 0) return timeout;
  throw new TypeError(`timeout must be milliseconds, more than 0, not ${String(timeout)}; Infinity waits for ever`);
}

/** Returns a number of retries as it is. Throws a TypeError for what is no number of times. */
export function checkedRetries(retries: number): number {
  if (retries === Infinity || (Number.isInteger(retries) && retries >= 0)) return retries;
  throw new TypeError(`maxRetries must be 0 or more, not ${String(retries)}`);
}

function keyOf(given: string | null | undefined): string | undefined {
  if (given === null) return undefined;
  // The environment's may reach further than was meant.
  if (given?.trim() === '') throw new TypeError('apiKey is empty; leave it out to take DAIMON_API_KEY, or give null');
  const key = (given ?? fromEnvironment('DAIMON_API_KEY') ?? '').trim();
  if (!/^[!-~]*$/.test(key)) throw new TypeError('apiKey holds characters that no key has');
  return key || undefined;
}

function baseUrlOf(given: string | URL | undefined): string {
  const told = String(given || fromEnvironment('DAIMON_BASE_URL') || DEFAULT_BASE_URL).trim();
  const url = parsed(told);
  if (url?.username || url?.password) throw new TypeError('baseUrl holds a user or a password; send them by `headers`');
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash) {
    throw new TypeError(`baseUrl must be a URL such as ${DEFAULT_BASE_URL}, not ${JSON.stringify(told)}`);
  }
  return url.origin + url.pathname.replace(/\/+$/, '').replace(/\/+v1$/, ''); // each path begins with it
}

function parsed(url: string): URL | undefined {
  try {
    return new URL(url);
  } catch {
    return undefined;
  }
}

function fromEnvironment(name: string): string | undefined {
  try {
    return environment()?.[name];
  } catch {
    return undefined; // Deno asks for a permission that was not given
  }
}

function environment(): Record<string, string | undefined> | undefined {
  return (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env;
}
