// The walk with `require`.
const daimon = require('daimon-email');
const { fileFromPath } = require('daimon-email/node');

async function main() {
  const { walk } = await import('./walk.mjs');
  const { path, ...given } = JSON.parse(process.argv[2]);
  console.log(JSON.stringify(await walk(daimon, { ...given, file: await fileFromPath(path) })));
}

main();
