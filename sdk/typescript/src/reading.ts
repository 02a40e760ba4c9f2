/** From answers to results. */
import { camelCased } from './casing.js';
import { UnexpectedAnswer } from './error.js';

/** A result, and the next useful calls with real ids. */
export type Answered<T> = T & { nextSteps: string[] };

export type Json = Record<string, unknown>;

/** Returns the JSON object of an answer as it is. */
export async function objectOf(response: Response): Promise<Json> {
  const told = await jsonOf(response);
  if (typeof told !== 'object' || told === null) throw unexpected();
  return told as Json;
}

/** Returns the JSON of an answer; undefined if it is none. Rejects if the answer breaks off. */
export async function jsonOf(response: Response): Promise<unknown> {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Returns the result of an answer with its next steps; null for none. */
export function flattened(told: Json): unknown {
  if (!('result' in told)) throw unexpected();
  const result = told['result'];
  if (result === null) return null;
  if (typeof result !== 'object') throw unexpected();
  return Object.assign(camelCased(result) as Json, { nextSteps: told['next_steps'] ?? [] });
}

/** Returns the error that an answer is none of this API. */
export function unexpected(): UnexpectedAnswer {
  const message = 'The answer is not one of this API; is the base URL right?';
  return new UnexpectedAnswer(message, { status: 200, code: 'UNEXPECTED_ANSWER' });
}
