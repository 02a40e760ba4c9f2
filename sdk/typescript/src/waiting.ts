/** Waiting for a while, and giving up early: by timers and signals. */

const LONGEST_TIMER = 2 ** 31 - 1; // milliseconds; a longer one would go off at once

// One listener for all who wait on a signal: Node warns of a leak where there are more than ten.
const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/** Calls back once a signal is aborted; at once if it is. Returns what takes this back. */
export function onAbort(signal: AbortSignal | undefined, stop: () => void): () => void {
  if (signal?.aborted) stop();
  if (!signal || signal.aborted) return () => undefined;
  const all = waiting.get(signal) ?? new Set();
  const tell = () => [...all].forEach((each) => each());
  if (!waiting.has(signal)) {
    waiting.set(signal, all);
    signal.addEventListener('abort', tell, { once: true });
  }
  all.add(stop);
  return () => all.delete(stop);
}

/** Calls back after a while. Returns what takes this back. */
export function later(milliseconds: number, call: () => void): () => void {
  const timer = setTimeout(call, Math.min(milliseconds, LONGEST_TIMER));
  return () => clearTimeout(timer);
}

/** Does nothing for a while. Rejects with the signal's reason once it is aborted. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  let end = () => undefined as void;
  const over = new Promise<void>((resolve) => (end = later(milliseconds, resolve)));
  await unlessAborted(over, signal).finally(() => end());
}

/** Returns what a promise resolves with. Rejects with the signal's reason once it is aborted. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  let end = () => undefined as void;
  const aborted = new Promise<never>((_, reject) => (end = onAbort(signal, () => reject(signal?.reason))));
  return Promise.race([work, aborted]).finally(() => end());
}
