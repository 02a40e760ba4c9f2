/** What needs a file system: `import { fileFromPath } from 'daimon-email/node'`. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Attachable } from './files.js';

/** Returns the file at a path, ready to be attached. */
export async function fileFromPath(
  path: string,
  more: Partial<Omit<Attachable, 'content' | 'base64'>> = {},
): Promise<Attachable> {
  return { filename: basename(path), ...more, content: await readFile(path) };
}
