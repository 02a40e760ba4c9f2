/** From an answer to the error that it tells of. */
import { camelCased } from './casing.js';
import {
  classOfStatus,
  DaimonError,
  InboxCreateRateLimited,
  UnexpectedAnswer,
  type Detail,
  type ErrorFields,
  type UpgradeContext,
} from './error.js';
import { BY_CODE } from './errors.js';

/** What an error is told in. A proxy may have made it, so that nothing in it is sure to be what it should. */
type Failure = Partial<Record<string, unknown>>;

/** Returns the error that an answer tells of. `body` is its JSON; undefined if it has none. */
export function errorOf(status: number, body: unknown, headers?: Headers): DaimonError {
  const requestId = headers?.get('X-Request-Id') ?? undefined;
  const retryAfter = headers && secondsOf(headers);
  const told = body as Failure | null | undefined;
  if (typeof told?.error !== 'string') return wordless(status, { requestId, retryAfter });
  const finer = told.code === 'INBOX_CREATE_RATE_LIMIT' ? InboxCreateRateLimited : undefined;
  const kind = finer ?? BY_CODE[told.error] ?? classOfStatus(status) ?? DaimonError;
  const wait = told.retry_after;
  return new kind(textOf(told.message) || told.error, {
    status,
    code: told.error,
    reason: textOf(told.code),
    nextSteps: listOf(told.next_steps).filter((each): each is string => typeof each === 'string'),
    details: listOf(told.details).filter((each): each is Detail => typeof (each as Detail | null)?.field === 'string'),
    retryAfter: retryAfter ?? (typeof wait === 'number' && wait >= 0 ? wait : undefined),
    currentUsage: objectOf(told.current_usage),
    upgradeContext: camelCased(objectOf(told.upgrade_context)) as UpgradeContext | undefined,
    requestId: textOf(told.request_id) ?? requestId,
  });
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function objectOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
}

/** Returns the error of an answer that leads elsewhere: not followed, as a POST would become a GET, without its key. */
export function redirected(response: Response): DaimonError {
  const where = response.headers.get('Location'); // browsers do not tell
  const steps = ['Set baseUrl, or DAIMON_BASE_URL, to where the server is; redirects are not followed.'];
  const message = `The server leads elsewhere${where ? `, to ${where.split(/[?#]/)[0]}` : ''}; is the base URL right?`;
  const requestId = response.headers.get('X-Request-Id') ?? undefined;
  const { status } = response;
  return new UnexpectedAnswer(message, { status, code: 'UNEXPECTED_ANSWER', nextSteps: steps, requestId });
}

/** Of proxies on the way, and of servers of other kinds. */
function wordless(status: number, more: ErrorFields): DaimonError {
  const kind = classOfStatus(status) ?? UnexpectedAnswer;
  const [code = 'UNEXPECTED_ANSWER'] = Object.keys(BY_CODE).filter((each) => BY_CODE[each] === kind);
  return new kind(`The server answered with HTTP status ${status}.`, { status, code, ...more });
}

/** Returns the seconds of `Retry-After` (RFC 9110 §10.2.3): told as such, or as a date by the server's own clock. */
function secondsOf(headers: Headers): number | undefined {
  const told = headers.get('Retry-After');
  if (!told) return undefined;
  if (/^\d+(\.\d+)?$/.test(told)) return Number(told);
  if (!told.endsWith('GMT')) return undefined;
  const now = Date.parse(headers.get('Date') ?? '') || Date.now(); // pages are not shown the header
  const seconds = (Date.parse(told) - now) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.max(seconds, 0);
}
