/** When another try helps, and how long to wait before it. */
import { NoAnswer, RateLimited, ServerError, type DaimonError } from './error.js';
import { RequestInProgress, Unavailable } from './errors.js';

const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 8_000;
const LONGEST_RETRY_AFTER = 30; // seconds; a server that asks for more is answered by throwing at once

/**
 * Returns the milliseconds to wait before the next try, or undefined if there should be none.
 * What may already be done is tried again only if twice is the same as once.
 */
export function pauseAfter(error: DaimonError, tries: number, repeatable: boolean): number | undefined {
  const helps =
    error instanceof NoAnswer ||
    error instanceof RateLimited ||
    error instanceof ServerError ||
    error instanceof RequestInProgress;
  if (!helps || (!repeatable && maybeDone(error))) return undefined;
  if (error.retryAfter === undefined) return growing(tries);
  return error.retryAfter > LONGEST_RETRY_AFTER ? undefined : error.retryAfter * 1000;
}

/** Returns the milliseconds to wait after so many tries in vain. */
export function growing(tries: number): number {
  return jitter(Math.min(FIRST_PAUSE * 2 ** tries, LONGEST_PAUSE));
}

/** Returns between half of it and all of it, so that clients that failed together do not come back together. */
export function jitter(milliseconds: number): number {
  return milliseconds * (0.5 + Math.random() / 2);
}

function maybeDone(error: DaimonError): boolean {
  if (error instanceof NoAnswer) return error.maybeDone;
  return error instanceof ServerError && !(error instanceof Unavailable);
}
