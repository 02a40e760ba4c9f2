/** Headers of requests, whatever form they are given in. */

/** Headers as `fetch` takes them. One that is undefined is not sent. */
export type HeadersGiven = Headers | Record<string, string | undefined> | Iterable<readonly [string, string]>;

/** Returns all of them; a later one takes the place of an earlier one of the same name, in whatever case. */
export function mergedHeaders(...all: (HeadersGiven | undefined)[]): Headers {
  const merged = new Headers();
  for (const given of all) {
    for (const [name, value] of given ? entriesOf(given) : []) if (value !== undefined) merged.set(name, value);
  }
  return merged;
}

function entriesOf(given: HeadersGiven): Iterable<readonly [string, string | undefined]> {
  return Symbol.iterator in given ? (given as Iterable<readonly [string, string]>) : Object.entries(given);
}
