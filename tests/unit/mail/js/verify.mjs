// Reads {mail, records: {name: text}} and prints what the library says of each DKIM signature.
import { readFileSync } from "node:fs";
import { dkimVerify } from "mailauth/lib/dkim/verify.js";

const { mail, records } = JSON.parse(readFileSync(0, "utf8"));
const resolver = async (name) => {
  if (!(name in records)) throw Object.assign(new Error("no such name"), { code: "ENOTFOUND" });
  return [[records[name]]];
};
const { results } = await dkimVerify(Buffer.from(mail, "base64"), { resolver });
console.log(JSON.stringify(results.map(({ algo, selector, status }) => [algo, selector, status.result])));
