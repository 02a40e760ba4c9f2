/** From an answer to the error that it tells of. */
import { camelCased } from './casing.js';
import {
  classOfStatus,
  DaimonError,
  InboxCreateRateLimited,
  UnexpectedAnswer,
  type Detail,
  type UpgradeContext,
} from './error.js';
import { BY_CODE } from './errors.js';

interface Failure {
  error: string;
  message?: string;
  code?: string | null;
  next_steps?: string[];
  details?: Detail[];
  retry_after?: number | null;
  current_usage?: Record<string, unknown> | null;
  upgrade_context?: Record<string, string> | null;
  request_id?: string;
}

/** Returns the error that an answer tells of. `body` is its JSON; undefined if it has none. */
export function errorOf(status: number, body: unknown, headers?: Headers): DaimonError {
  const requestId = headers?.get('X-Request-Id') ?? undefined;
  const retryAfter = secondsOf(headers?.get('Retry-After'));
  const told = body as Failure | null | undefined;
  if (typeof told?.error !== 'string') {
    const kind = classOfStatus(status) ?? UnexpectedAnswer;
    return new kind(`The server answered with HTTP status ${status}.`, { status, requestId, retryAfter });
  }
  const finer = told.code === 'INBOX_CREATE_RATE_LIMIT' ? InboxCreateRateLimited : undefined;
  const kind = finer ?? BY_CODE[told.error] ?? classOfStatus(status) ?? DaimonError;
  return new kind(told.message || told.error, {
    status,
    code: told.error,
    reason: told.code ?? undefined,
    nextSteps: told.next_steps,
    details: told.details,
    retryAfter: retryAfter ?? told.retry_after ?? undefined,
    currentUsage: told.current_usage ?? undefined,
    upgradeContext: told.upgrade_context ? (camelCased(told.upgrade_context) as UpgradeContext) : undefined,
    requestId: told.request_id ?? requestId,
  });
}

/** The header's other form, a date, comes from proxies alone and is not read. */
function secondsOf(header: string | null | undefined): number | undefined {
  return header && /^\d+(\.\d+)?$/.test(header) ? Number(header) : undefined;
}
