/** Where the server is and who asks: from arguments, else from the environment. */
import { VERSION } from './version.js';

export interface ClientOptions {
  /** The key; else DAIMON_API_KEY. Without one, only `inboxes.create` works. */
  apiKey?: string | undefined;
  /** Where the server is; else DAIMON_BASE_URL, else https://api.daimon.email. */
  baseUrl?: string | undefined;
  /** Milliseconds until a request without an answer is given up: 30,000. */
  timeout?: number;
  /** How often what fails is tried again, where that is safe: 4. */
  maxRetries?: number;
  /** Sent with each request. */
  headers?: Record<string, string>;
  /** Used instead of the global `fetch`. */
  fetch?: typeof fetch;
}

export interface RequestOptions {
  /** Under which a POST is done once only; made for each call unless it is given. */
  idempotencyKey?: string;
  /** Milliseconds, instead of the client's. */
  timeout?: number;
  /** Instead of the client's. */
  maxRetries?: number;
  /** Gives the call up when it is aborted. */
  signal?: AbortSignal;
  /** Sent with this request. */
  headers?: Record<string, string>;
}

export interface Config {
  baseUrl: string;
  headers: Record<string, string>;
  timeout: number;
  maxRetries: number;
  fetch: typeof fetch;
}

const DEFAULT_BASE_URL = 'https://api.daimon.email';

/** Returns the configuration. Throws a TypeError for a base URL or a key that cannot be right. */
export function configure(options: ClientOptions): Config {
  const baseUrl = (options.baseUrl || fromEnvironment('DAIMON_BASE_URL') || DEFAULT_BASE_URL).replace(/\/+$/, '');
  if (!/^https?:\/\/[^/?#]/.test(baseUrl)) {
    throw new TypeError(`baseUrl must be a URL such as ${DEFAULT_BASE_URL}, not ${JSON.stringify(baseUrl)}`);
  }
  // The environment's may reach further than was meant.
  if (options.apiKey !== undefined && !options.apiKey.trim()) throw new TypeError('apiKey is empty; leave it out to take DAIMON_API_KEY');
  const key = (options.apiKey || fromEnvironment('DAIMON_API_KEY') || '').trim();
  if (!/^[!-~]*$/.test(key)) throw new TypeError('apiKey holds characters that no key has');
  return {
    baseUrl,
    headers: {
      Accept: 'application/json',
      ...(environment() ? { 'User-Agent': `daimon-email-typescript/${VERSION}` } : {}), // browsers send their own
      ...(key ? { Authorization: `Bearer ${key}` } : {}),
      ...options.headers,
    },
    timeout: options.timeout ?? 30_000,
    maxRetries: options.maxRetries ?? 4,
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
  };
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
