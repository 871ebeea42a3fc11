// Signs in with the client that openapi-typescript makes of docs/openapi.json, the generator that most projects use
// (MIT, one team with openapi-fetch, which it is made for).
import createClient from "openapi-fetch";
import type { paths } from "./generated/api.js";

const { API = "", ADDRESS = "", PASSWORD = "" } = process.env;
const client = createClient<paths>({ baseUrl: API });

const refused = await client.POST("/auth/v1/signin", { body: { username: ADDRESS, password: "wrong" } });
console.log(refused.error?.error);

const { data: tokens, error } = await client.POST("/auth/v1/signin", {
  params: { query: { client_id: "my-app" } },
  body: { username: ADDRESS, password: PASSWORD },
});
if (!tokens) throw new Error(error.error_description);
const headers = { authorization: `Bearer ${tokens.access_token}` };
const { data: profile } = await client.GET("/auth/v1/user/me", { headers });
console.log(profile?.email);
