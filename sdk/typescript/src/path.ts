/** Where an operation is; an error if there is no such place, so that the call rejects with it rather than to throw. */
export type Path = string | TypeError;

/** Returns a path with its parameters encoded; a TypeError for one that would lead elsewhere. */
export function path(fixed: TemplateStringsArray, ...segments: string[]): Path {
  let whole = fixed[0] ?? '';
  for (const [index, segment] of segments.entries()) {
    if (typeof segment !== 'string' || segment === '' || segment === '.' || segment === '..') {
      return new TypeError(`${JSON.stringify(segment)} is not an id`);
    }
    whole += encodeURIComponent(segment).replace(/%40/g, '@') + fixed[index + 1];
  }
  return whole;
}
