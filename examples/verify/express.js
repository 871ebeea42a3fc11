// An API on Express that takes Latchkey's access tokens, verified with jose.
import express from "express";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";

const { ISSUER, AUDIENCE, PORT } = process.env;
const keys = createRemoteJWKSet(new URL(`${ISSUER}/.well-known/jwks.json`)); // caches, and reads again for a new key
const options = { issuer: ISSUER, audience: AUDIENCE, algorithms: ["RS256"], requiredClaims: ["exp", "sub"] };
const refuse = (response) => response.status(401).set("WWW-Authenticate", 'Bearer error="invalid_token"').end();

// This asks nobody, so it does not see a sign-out.
async function verified(request, response, next) {
  request.token = (request.get("Authorization") ?? "").split(" ")[1] ?? "";
  try {
    request.user = (await jwtVerify(request.token, keys, options)).payload.sub;
  } catch (error) {
    if (error instanceof errors.JWKSTimeout || !(error instanceof errors.JOSEError)) throw error; // not the token's fault
    return refuse(response);
  }
  next();
}

// Ask Latchkey too whether the session is alive.
async function alive(request, response, next) {
  const body = new URLSearchParams({ token: request.token });
  const answer = await fetch(`${ISSUER}/auth/v1/token/introspect`, { method: "POST", body });
  if (!answer.ok) throw new Error(`introspection answers ${answer.status}`);
  if (!(await answer.json()).active) return refuse(response);
  next();
}

const app = express();
app.get("/hello", verified, (request, response) => response.json({ user: request.user }));
app.post("/pay", verified, alive, (request, response) => response.json({ user: request.user }));
app.listen(PORT, "127.0.0.1");
