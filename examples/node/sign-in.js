// Sign up or in from a terminal: node sign-in.js ada@example.com. Another run finds the session of the first one, and
// node sign-in.js ada@example.com out ends it.
import { createRequire } from "node:module";
import { createInterface } from "node:readline/promises";
import { adapter } from "./adapter.js";

const cloudbase = createRequire(import.meta.url)("@cloudbase/js-sdk"); // Node cannot import 2.x as a module
const [address, out] = process.argv.slice(2);
const api = new URL(process.env.API ?? "http://127.0.0.1:3000");

cloudbase.useAdapters(adapter("session.json"));
const app = cloudbase.init({ env: "my-app", endPointMode: "CLOUD_API" });
app.registerEndPoint(`//${api.host}`, api.protocol);
const auth = app.auth({ persistence: "local" });

if (!(await auth.hasLoginState())) {
  const sent = await auth.getVerification({ email: address });
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const verification_code = await terminal.question("Code from the mail: ");
  terminal.close();
  const { verification_token } = await auth.verify({ verification_id: sent.verification_id, verification_code });
  if (sent.is_user) await auth.signIn({ username: address, verification_token });
  else await auth.signUp({ email: address, verification_code, verification_token });
}
console.log((await auth.getUserInfo()).email);
if (out) await auth.signOut();
process.exit(); // the SDK keeps a timer
