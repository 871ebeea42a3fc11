// What the SDK needs of a place that is no browser: requests, and a store that survives a restart.
import { readFileSync, writeFileSync } from "node:fs";

// Keeps the session in a file that only its owner may read.
export function fileStorage(path) {
  const read = () => {
    try {
      return JSON.parse(readFileSync(path, "utf8"));
    } catch {
      return {}; // there is none yet
    }
  };
  const write = (values) => writeFileSync(path, JSON.stringify(values), { mode: 0o600 });
  return {
    mode: "sync",
    getItem: (key) => read()[key] ?? null,
    setItem: (key, value) => write({ ...read(), [key]: value }),
    removeItem: (key) => write({ ...read(), [key]: undefined }),
    clear: () => write({}),
  };
}

// The SDK calls the method that is named as the method of HTTP, and reads `error_code` in `data` by itself.
async function send({ url, method, headers, body }) {
  let answer;
  try {
    answer = await fetch(url, { method, headers, body });
  } catch (error) {
    throw { error: "unreachable", error_description: error.message }; // what the SDK repeats a request after
  }
  return { data: await answer.json(), statusCode: answer.status };
}

class Requests {
  get = (options) => send({ ...options, method: "GET", body: undefined });
  post = (options) => send({ ...options, method: "POST" });
  patch = (options) => send({ ...options, method: "PATCH" });
  delete = (options) => send({ ...options, method: "DELETE" });
}

export const adapter = (path) => ({
  runtime: "node",
  isMatch: () => true,
  genAdapter: () => ({
    root: globalThis,
    reqClass: Requests,
    wsClass: globalThis.WebSocket ?? class {},
    localStorage: fileStorage(path),
    primaryStorage: "local",
  }),
});
