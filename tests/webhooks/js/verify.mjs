// Reads {secret, headers, body} and prints the event that the published library returns, or "refused".
import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";

const { secret, headers, body } = JSON.parse(readFileSync(0, "utf8"));
try {
  console.log(JSON.stringify(new Webhook(secret).verify(body, headers)));
} catch {
  console.log('"refused"');
}
