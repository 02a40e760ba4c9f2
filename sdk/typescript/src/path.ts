/** Returns a path with its parameters encoded. Throws a TypeError for one that would lead elsewhere. */
export function path(fixed: TemplateStringsArray, ...segments: string[]): string {
  return segments.reduce((before, segment, index) => {
    if (typeof segment !== 'string' || segment === '' || segment === '.' || segment === '..') {
      throw new TypeError(`${JSON.stringify(segment)} is not an id`);
    }
    return before + encodeURIComponent(segment).replace(/%40/g, '@') + fixed[index + 1];
  }, fixed[0] ?? '');
}
