/** The root of everything that the client throws, and its branches by status; `errors.ts` has a class for each code. */

/** One field of a request that is wrong, and how. */
export interface Detail {
  field: string;
  message: string;
}

/** What to tell the person who pays, on errors that money prevents. */
export interface UpgradeContext {
  operatorActionUrl: string;
  operatorActionLabel: string;
  agentScript: string;
}

export interface ErrorFields {
  status?: number | undefined;
  code?: string | undefined;
  reason?: string | undefined;
  nextSteps?: string[] | undefined;
  details?: Detail[] | undefined;
  retryAfter?: number | undefined;
  currentUsage?: Record<string, unknown> | undefined;
  upgradeContext?: UpgradeContext | undefined;
  requestId?: string | undefined;
  cause?: unknown;
}

const KINDS = Symbol.for('daimon-email.kinds');

/**
 * The call did not succeed.
 *
 * `code` is the answer's `error`, such as `INBOX_LIMIT_REACHED`, and `reason` its finer `code`, if it has one.
 * `nextSteps` says what helps.
 */
export class DaimonError extends Error {
  /** Written out in each class, as bundlers shorten the names of classes. */
  static override name = 'DaimonError';

  /** The HTTP status; undefined if no answer came. */
  declare readonly status: number | undefined;
  readonly code: string;
  declare readonly reason: string | undefined;
  readonly nextSteps: string[];
  readonly details: Detail[];
  /** Seconds. */
  declare readonly retryAfter: number | undefined;
  declare readonly currentUsage: Record<string, unknown> | undefined;
  declare readonly upgradeContext: UpgradeContext | undefined;
  declare readonly requestId: string | undefined;

  constructor(message: string, fields: ErrorFields = {}) {
    const { cause, code = '', nextSteps = [], details = [], ...told } = fields;
    super(message, cause === undefined ? undefined : { cause });
    Object.defineProperty(this, 'name', { value: new.target.name, configurable: true, writable: true });
    Object.defineProperty(this, KINDS, { value: kindsOf(new.target) });
    this.code = code;
    this.nextSteps = nextSteps;
    this.details = details;
    for (const [name, value] of Object.entries(told)) {
      if (value !== undefined) Object.assign(this, { [name]: value }); // what was not told is not shown
    }
  }

  /** An error is of its classes in every copy of this package: `import` and `require` load one each. */
  static override [Symbol.hasInstance](thrown: unknown): boolean {
    const ours = Object.prototype.propertyIsEnumerable.call(this, 'name'); // written out, not made by the language
    const kinds = (thrown as { [KINDS]?: string[] } | null | undefined)?.[KINDS];
    return ours && kinds ? kinds.includes(this.name) : super[Symbol.hasInstance](thrown);
  }

  /** What `JSON.stringify` takes, and with it most logs: the message, too. */
  toJSON(): object {
    return Object.assign({ name: this.name, message: this.message }, this);
  }
}

/** Returns the names of a class and of those that it extends, up to DaimonError. */
function kindsOf(kind: { readonly name: string }): string[] {
  const below = Object.getPrototypeOf(kind) as { readonly name: string };
  return below === Error ? [kind.name] : [kind.name, ...kindsOf(below)];
}

/** No answer came: the server was not reached, or did not answer in time. */
export class NoAnswer extends DaimonError {
  static override name = 'NoAnswer';

  /** Whether the server may have seen the request all the same. */
  readonly maybeDone: boolean;

  constructor(why: string, maybeDone: boolean, more: { cause?: unknown; from?: string } = {}) {
    const { cause, from } = more;
    const step = `See that the server runs, and that it is reached at ${from}: baseUrl, or DAIMON_BASE_URL.`;
    const nextSteps = from && !maybeDone ? [step] : [];
    super(`No answer came${from ? ` from ${from}` : ''}: ${why}.`, { code: 'NO_ANSWER', cause, nextSteps });
    this.maybeDone = maybeDone;
  }
}

/** What came is not an answer of this API: see that the base URL is right. */
export class UnexpectedAnswer extends DaimonError {
  static override name = 'UnexpectedAnswer';
}

/** A request to a webhook was not signed with its secret, or too long ago. */
export class InvalidSignature extends DaimonError {
  static override name = 'InvalidSignature';
}

/** 400: the request could not be read. */
export class BadRequest extends DaimonError {
  static override name = 'BadRequest';
}
/** 401: the request carries no usable key. */
export class Unauthenticated extends DaimonError {
  static override name = 'Unauthenticated';
}
/** 402: the account's tier does not include this; `upgradeContext` says what to tell whom. */
export class PaymentRequired extends DaimonError {
  static override name = 'PaymentRequired';
}
/** 403: the key may not do this. */
export class Forbidden extends DaimonError {
  static override name = 'Forbidden';
}
/** 404: there is no such object within the reach of the key. */
export class NotFound extends DaimonError {
  static override name = 'NotFound';
}
/** 408: the body did not arrive in time. */
export class RequestTimeout extends DaimonError {
  static override name = 'RequestTimeout';
}
/** 409: the request contradicts what is there. */
export class Conflict extends DaimonError {
  static override name = 'Conflict';
}
/** 409: an inbox with this address exists already; `suggestions` are free. */
export class UsernameTaken extends Conflict {
  static override name = 'UsernameTaken';

  /** Usernames that were free when the answer was made. */
  get suggestions(): string[] {
    return this.details.filter((detail) => detail.field === 'username').map((detail) => detail.message);
  }
}
/** 410: what was asked for is not kept any more. */
export class Gone extends DaimonError {
  static override name = 'Gone';
}
/** 413: the body is larger than the endpoint takes. */
export class PayloadTooLarge extends DaimonError {
  static override name = 'PayloadTooLarge';
}
/** 415: the body is not JSON. */
export class UnsupportedMediaType extends DaimonError {
  static override name = 'UnsupportedMediaType';
}
/** 422: fields of the request are wrong; `details` names each. */
export class ValidationFailed extends DaimonError {
  static override name = 'ValidationFailed';
}
/** 426: the path speaks another protocol. */
export class UpgradeRequired extends DaimonError {
  static override name = 'UpgradeRequired';
}
/** 429: too many requests; `retryAfter` says how many seconds to wait. */
export class RateLimited extends DaimonError {
  static override name = 'RateLimited';
}
/** 429: too many inboxes were created without a key from this address in the last hour. */
export class InboxCreateRateLimited extends RateLimited {
  static override name = 'InboxCreateRateLimited';
}
/** 5xx: something went wrong at the server. */
export class ServerError extends DaimonError {
  static override name = 'ServerError';
}

export type ErrorClass = new (message: string, fields?: ErrorFields) => DaimonError;

const BY_STATUS: Record<number, ErrorClass> = {
  400: BadRequest,
  401: Unauthenticated,
  402: PaymentRequired,
  403: Forbidden,
  404: NotFound,
  408: RequestTimeout,
  409: Conflict,
  410: Gone,
  413: PayloadTooLarge,
  415: UnsupportedMediaType,
  422: ValidationFailed,
  426: UpgradeRequired,
  429: RateLimited,
};

/** Returns the class of a status: an answer whose code this version does not know is still caught by its status. */
export function classOfStatus(status: number): ErrorClass | undefined {
  return status >= 500 ? ServerError : BY_STATUS[status];
}
