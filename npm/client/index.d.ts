/** Which users to push. */
export interface PushRequest {
  /** Email addresses, as they are in the users table. */
  emails?: readonly string[];
  /** Values of the column that `[source] key` names; by default the primary key. */
  keys?: readonly (string | number | bigint)[];
  /**
   * How long to wait until these users are settled: `"60s"` (the default), `"1m30s"`, at most
   * `"10m"`. With `"0s"` the daemon answers at once, and the users are `pending`.
   */
  wait?: string;
  /** Stops the waiting. The daemon does what it was asked to do all the same. */
  signal?: AbortSignal;
}

/** What became of one user, with the member that the user was asked for by. */
export interface PushedUser {
  email?: string;
  key?: string;
  /**
   * - `verified`: the contact was seen with the values that the table has
   * - `pending`: not settled yet; the daemon goes on
   * - `skipped`: the row or the contact cannot be used; `reason` says why
   * - `rejected`: the values did not arrive; `reason` says why
   *
   * A later version of the daemon may add a state: take an unknown one as not verified.
   */
  state: "verified" | "pending" | "skipped" | "rejected" | (string & {});
  /** Such as `not_in_source`, `unsubscribed`, `not_a_contact`. */
  reason?: string;
}

/** The answer to a push of some users. */
export interface PushResult {
  /** The number of the run; 0 while it waits for its turn. */
  run: number;
  /** One entry for each user asked for, emails first, in the order of the request. */
  users: PushedUser[];
}

/** Where the daemon is. */
export interface ClientOptions {
  /**
   * The address of the daemon: `http://127.0.0.1:8484`, or `unix:/run/ccsyncd/http.sock`.
   * Default: `$CCSYNC_HTTP_URL`, else `http://127.0.0.1:8484`.
   */
  url?: string;
  /** The value of `[http] token`. Default: `$CCSYNC_HTTP_TOKEN`. */
  token?: string;
  /** How long a push may take beyond its `wait`, retries included, in milliseconds. Default: 30,000. */
  timeout?: number;
}

/** A client of one daemon. It holds no connection and needs no closing. */
export interface Client {
  /**
   * Pushes these users now and waits until they are settled. Retries a 503 after the pause that
   * the daemon names.
   * @throws {TypeError} if the request names nobody or is malformed
   * @throws {CcsyncError} if the daemon cannot be reached, refuses, or does not answer in time
   */
  push(request: PushRequest): Promise<PushResult>;
  /** Starts a run for all users, and answers as soon as it has its number. */
  push(): Promise<{ run: number }>;
}

/** Creates a client. What is left out comes from the environment. */
export function createClient(options?: ClientOptions): Client;

/** Pushes with a client made from the environment: see {@link Client.push}. */
export const push: Client["push"];

/** Why a push failed. */
export class CcsyncError extends Error {
  /**
   * - `unreachable`: nothing answers at the address
   * - `timeout`: no answer came within `wait` and `timeout`
   * - `no_token`: neither `token` nor `$CCSYNC_HTTP_TOKEN` is set
   * - `unauthorized`: the token is wrong
   * - `forbidden`: the daemon has no `[http] token`, or does not answer by this host name
   * - `invalid`: the daemon does not understand the request
   * - `busy`: a run for all users is running
   * - `unavailable`: the daemon is stopping, or too many wait
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
