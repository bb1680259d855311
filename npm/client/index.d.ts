/** Which users to push. */
export interface PushRequest {
  /** Email addresses, as they are in the users table. */
  emails?: readonly string[];
  /** Values of the column that `[source] key` names; by default the primary key. */
  keys?: readonly (string | number | bigint)[];
  /**
   * How long to wait until the result for each user is known: `"60s"` (the default), `"1m30s"`, at
   * most `"10m"`. With `"0s"` the daemon answers immediately, and the users are `pending`.
   */
  wait?: string;
  /** Ends the wait. The daemon still pushes the users. */
  signal?: AbortSignal;
}

/** The result for one user, with the `email` or `key` of the request. */
export interface PushedUser {
  email?: string;
  key?: string;
  /**
   * - `verified`: the contact was seen with the values in the table
   * - `pending`: the result is not known yet, and the daemon continues
   * - `skipped`: the row or the contact cannot be used, see `reason`
   * - `rejected`: the values did not arrive, see `reason`
   *
   * A later version of the daemon may add a state. Treat an unknown state as not verified.
   */
  state: "verified" | "pending" | "skipped" | "rejected" | (string & {});
  /** For example `not_in_source`, `unsubscribed` or `not_a_contact`. */
  reason?: string;
}

/** The answer to a push of some users. */
export interface PushResult {
  /** The number of the run, or 0 if it has not started yet. */
  run: number;
  /** One entry for each requested user, emails first, in the order of the request. */
  users: PushedUser[];
}

/** Where the daemon is. */
export interface ClientOptions {
  /**
   * The address of the daemon: `http://127.0.0.1:8484`, or `unix:/run/ccsyncd/http.sock`.
   * Default: `$CCSYNC_HTTP_URL`, otherwise `http://127.0.0.1:8484`.
   */
  url?: string;
  /** The value of `[http] token`. Default: `$CCSYNC_HTTP_TOKEN`. */
  token?: string;
  /** How many milliseconds a push may take beyond its `wait`, including retries. Default: 30,000. */
  timeout?: number;
}

/** A client of one daemon. It holds no connection and needs no closing. */
export interface Client {
  /**
   * Pushes these users now and waits until the result for each is known. Retries a 503 after the
   * pause in the answer.
   * @throws {TypeError} if the request names no user or is malformed
   * @throws {CcsyncError} if the daemon cannot be reached, refuses, or does not answer in time
   */
  push(request: PushRequest): Promise<PushResult>;
  /** Starts a run for all users, and returns its number as soon as it starts. */
  push(): Promise<{ run: number }>;
}

/** Creates a client. Missing options come from the environment. */
export function createClient(options?: ClientOptions): Client;

/** Pushes with a client that is configured by the environment: see {@link Client.push}. */
export const push: Client["push"];

/** Why a push failed. */
export class CcsyncError extends Error {
  /**
   * - `unreachable`: no daemon answers at the address
   * - `timeout`: no answer came within `wait` and `timeout`
   * - `no_token`: `token` and `$CCSYNC_HTTP_TOKEN` are not set
   * - `unauthorized`: the token is wrong
   * - `forbidden`: the daemon has no `[http] token`, or does not accept this host name
   * - `invalid`: the daemon does not understand the request
   * - `busy`: a run for all users is in progress
   * - `unavailable`: the daemon is stopping, or too many requests are waiting
   * - `failed`: any other answer
   */
  readonly code:
    | "unreachable"
    | "timeout"
    | "no_token"
    | "unauthorized"
    | "forbidden"
    | "invalid"
    | "busy"
    | "unavailable"
    | "failed";
  /** The HTTP status of the daemon's answer, if there was one. */
  readonly status?: number;
}
