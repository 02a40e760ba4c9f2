/** TypeScript client for daimon: e-mail inboxes for AI agents. */
import { configure, type ClientOptions } from './config.js';
import { Api } from './resources/index.js';
import { Transport } from './transport.js';

/**
 * A client of daimon.
 *
 * `apiKey` and `baseUrl` come from DAIMON_API_KEY and DAIMON_BASE_URL where they are not given; without a key only
 * `inboxes.create` works. What fails without an answer, with 429 or with 5xx is tried again where that is safe.
 */
export class DaimonClient extends Api {
  constructor(options: ClientOptions = {}) {
    super(new Transport(configure(options)));
  }
}

export type { ClientOptions, Fetch, RequestOptions } from './config.js';
export type { StreamParams, WaitParams } from './by-hand.js';
export type { Attachable, FileInput, Octets } from './files.js';
export type { HeadersGiven } from './headers.js';
export type { HeadersLike, RawBody } from './webhooks.js';
export type { Answered } from './reading.js';
export type * from './models.js';
export type * from './resources/index.js';
export { Page, PagePromise } from './paging.js';
export { EventStream } from './streams.js';
export { VERSION } from './version.js';
export {
  BadRequest,
  Conflict,
  DaimonError,
  Forbidden,
  Gone,
  InboxCreateRateLimited,
  InvalidSignature,
  NoAnswer,
  NotFound,
  PayloadTooLarge,
  PaymentRequired,
  RateLimited,
  RequestTimeout,
  ServerError,
  Unauthenticated,
  UnexpectedAnswer,
  UnsupportedMediaType,
  UpgradeRequired,
  UsernameTaken,
  ValidationFailed,
  type Detail,
  type UpgradeContext,
} from './error.js';
export * from './errors.js';
