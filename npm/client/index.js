"use strict";

// Asks a ccsyncd daemon for a run: POST /run. It uses node:http rather than fetch, which gives up
// on an answer after five minutes and knows no Unix sockets.

const http = require("node:http");
const https = require("node:https");
const { urlToHttpOptions } = require("node:url");
const { setTimeout: sleep } = require("node:timers/promises");

const defaultURL = "http://127.0.0.1:8484";
const defaultWait = "60s";
const defaultTimeout = 30_000; // ms
const longestAnswer = 16 << 20; // bytes

class CcsyncError extends Error {
  constructor(code, message, { status, cause } = {}) {
    super(message, { cause });
    this.name = "CcsyncError";
    this.code = code;
    if (status !== undefined) this.status = status;
  }
}

function createClient(options = {}) {
  const { url, token, timeout = defaultTimeout } = options;
  if (!Number.isFinite(timeout) || timeout <= 0) {
    throw new TypeError("timeout must be a number of milliseconds above 0");
  }
  if (url !== undefined) target(url);
  return {
    push: (request) =>
      send(
        target(url ?? process.env.CCSYNC_HTTP_URL ?? defaultURL),
        token ?? process.env.CCSYNC_HTTP_TOKEN,
        timeout,
        request,
      ),
  };
}

// target says where requests go: to a host, or to a Unix socket.
function target(url) {
  const [, socketPath] = /^unix:(\/.+)$/.exec(url) ?? [];
  if (socketPath) return { name: url, send: http.request, options: { socketPath, path: "/run", host: "localhost" } };
  let base;
  try {
    base = new URL(url);
  } catch {
    base = { protocol: "" };
  }
  if (base.protocol !== "http:" && base.protocol !== "https:") {
    throw new TypeError(`url must look like ${defaultURL} or unix:/run/ccsyncd/http.sock`);
  }
  return {
    name: base.origin,
    send: base.protocol === "https:" ? https.request : http.request,
    options: urlToHttpOptions(new URL("run", base.href.endsWith("/") ? base : base.href + "/")),
  };
}

async function send(to, token, timeout, request) {
  const { body, wait, signal } = read(request);
  if (!token) {
    throw new CcsyncError("no_token", "no token: set CCSYNC_HTTP_TOKEN to the value of [http] token");
  }
  const deadline = Date.now() + wait + timeout;
  for (;;) {
    const left = deadline - Date.now();
    if (body.wait) body.wait = `${Math.max(0, Math.min(wait, Math.floor(left - timeout / 2)))}ms`;
    const answer = await post(to, token, body, left, signal);
    const pause = retryAfter(answer);
    if (pause === undefined || Date.now() + pause >= deadline) return result(answer);
    await sleep(pause, undefined, { signal });
  }
}

// read checks a request. Nobody gets a run for all users who meant some.
function read(request) {
  if (request === undefined) return { body: {}, wait: 0 };
  if (request === null || typeof request !== "object") {
    throw new TypeError('push takes an object like {emails: ["ann@example.com"]}');
  }
  const { emails = [], keys = [], wait = defaultWait, signal, ...others } = request;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw new TypeError(`push does not know ${unknown}; it takes emails, keys, wait and signal`);
  const body = { emails: names("emails", emails, ["string"]), keys: names("keys", keys, ["string", "number", "bigint"]), wait };
  if (body.emails.length + body.keys.length === 0) {
    throw new TypeError("push needs emails or keys; push() without an argument is a run for all users");
  }
  for (const member of ["emails", "keys"]) if (body[member].length === 0) delete body[member];
  return { body, wait: milliseconds(wait), signal };
}

function names(member, list, types) {
  if (!Array.isArray(list) || !list.every((name) => types.includes(typeof name) && name !== "" && !Number.isNaN(name))) {
    throw new TypeError(`${member} must be an array of ${types.join("s, ")}s that are not empty`);
  }
  return list.map(String);
}

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

// milliseconds reads a duration as the daemon writes them.
function milliseconds(wait) {
  if (typeof wait !== "string" || !/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(wait)) {
    throw new TypeError('wait must be a duration like "60s" or "1m30s"');
  }
  let sum = 0;
  for (const [, number, unit] of wait.matchAll(/([\d.]+)(ms|s|m|h)/g)) sum += number * units[unit];
  return sum;
}

// post sends the request once, and gives it up when the time is over.
function post(to, token, body, timeout, signal) {
  const text = Object.keys(body).length > 0 ? JSON.stringify(body) : "";
  return new Promise((resolve, reject) => {
    const headers = {
      Authorization: `Bearer ${token}`,
      "Content-Type": "application/json",
      "Content-Length": Buffer.byteLength(text),
    };
    const request = to.send({ ...to.options, method: "POST", headers, signal, agent: false });
    const late = setTimeout(() => {
      request.destroy(new CcsyncError("timeout", `${to.name} did not answer in time; the daemon goes on with what it was asked`));
    }, timeout);
    const fail = (error) => {
      clearTimeout(late);
      reject(told(to, error));
    };
    request.on("error", fail);
    request.on("response", (response) => {
      const { statusCode: status, headers: { "retry-after": retryAfter } } = response;
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part) => {
        text += part;
        if (text.length > longestAnswer) request.destroy(new CcsyncError("failed", `${to.name} does not stop answering`, { status }));
      });
      response.on("error", fail);
      response.on("end", () => {
        clearTimeout(late);
        resolve({ name: to.name, status, retryAfter, text });
      });
    });
    request.end(text);
  });
}

// told makes an error say what is wrong and what helps.
function told(to, error) {
  if (error instanceof CcsyncError || error.name === "AbortError") return error;
  return new CcsyncError("unreachable", `cannot reach ccsyncd at ${to.name} (${error.code ?? error.message}): is it running, and is this its [http] listen?`, { cause: error });
}

// retryAfter is the pause that a 503 asks for, in milliseconds.
function retryAfter({ status, retryAfter: seconds }) {
  return status === 503 && /^\d+$/.test(seconds ?? "") ? seconds * 1000 : undefined;
}

const refusals = {
  400: ["invalid", "ccsyncd does not understand the request"],
  401: ["unauthorized", "the token is not the value of [http] token"],
  403: ["forbidden", "ccsyncd refuses requests like this"],
  409: ["busy", "try again when the run under way has ended"],
  413: ["invalid", "push fewer users at a time"],
  503: ["unavailable", "try again later"],
};

function result({ name, status, text }) {
  let answer;
  try {
    answer = JSON.parse(text);
  } catch {
    answer = { error: text.trim().slice(0, 200) };
  }
  if ((status === 200 || status === 202) && typeof answer?.run === "number") return answer;
  const [code, message] = refusals[status] ?? ["failed", `unexpected answer ${status} from ${name}`];
  const detail = typeof answer?.error === "string" && answer.error !== "" ? `: ${answer.error}` : "";
  throw new CcsyncError(code, message + detail, { status });
}

const { push } = createClient();

module.exports = { CcsyncError, createClient, push };
