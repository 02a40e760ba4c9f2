/** Between the API's snake_case and camelCase. Keys of the caller's own (`metadata`, `headers`) stay as they are. */
import { VERBATIM } from './verbatim.js';

type Json = Record<string, unknown>;

const camels = new Map<string, string>();

/** Returns JSON of the API's with its keys in camelCase. */
export function camelCased(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camelCased);
  if (!isObject(value)) return value;
  const turned: Json = {};
  for (const key in value) {
    const name = camels.get(key) ?? remember(key);
    const below = value[key];
    turned[name] = typeof below !== 'object' || below === null || VERBATIM.has(key) ? below : camelCased(below);
  }
  return turned;
}

/** Returns what is sent for the arguments of a call: without those that are undefined, times as text. */
export function snakeCased(value: unknown, name = 'it'): unknown {
  if (value instanceof Date && Number.isNaN(value.getTime())) throw new TypeError(`${name} is a Date of no time`);
  if (Array.isArray(value)) return value.map((each) => snakeCased(each, name));
  if (!isObject(value)) return value;
  if (tellsItself(value)) return value.toJSON();
  const turned: Json = {};
  for (const [key, below] of Object.entries(value)) {
    const name = snake(key);
    const isVerbatim = VERBATIM.has(name) && !tellsItself(below);
    if (below !== undefined) turned[name] = isVerbatim ? below : snakeCased(below, key);
  }
  return turned;
}

export function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function remember(key: string): string {
  const name = key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  if (camels.size < 1000) camels.set(key, name); // a server that is none of ours may say anything
  return name;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null;
}

/** A Date does, and what Temporal and its like have for one. */
function tellsItself(value: unknown): value is { toJSON: () => unknown } {
  return isObject(value) && typeof value['toJSON'] === 'function';
}
