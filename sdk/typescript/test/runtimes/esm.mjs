// The walk with `import`. What it needs to know is its argument.
import * as daimon from 'daimon-email';
import { fileFromPath } from 'daimon-email/node';
import { walk } from './walk.mjs';

const { path, ...given } = JSON.parse(process.argv[2]);
console.log(JSON.stringify(await walk(daimon, { ...given, file: await fileFromPath(path) })));
