// The walk in a page of a browser: `daimon.js` is a bundle of the package alone.
import * as daimon from './daimon.js';
import { walk } from './walk.mjs';

window.take = (given) => walk(daimon, given);
