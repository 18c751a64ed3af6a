import { createTransport } from '#transport';

import { BaseUrls } from './base-urls.js';
import { type Audience, audienceOf } from './ci-audience.js';
import { callJson, type Context, send } from './context.js';
import { ApiError, retryAfter } from './errors.js';
import { VERSION } from './generated/index.js';
import type { HttpResponse, Transport } from './transport.js';
import type { Token, TokenFunction } from './token.js';
import { Tokens } from './tokens.js';

/** How long a refusal holds before the server is asked again, in milliseconds. */
const REFUSED_MS = 60_000;
/** Longest time without an answer, in milliseconds. */
const TIMEOUT_MS = 15_000;

const EXCHANGE = {
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
};

/** Variables of a CI job. */
export type CiEnv = Readonly<Record<string, string | undefined>>;

/** A build has no token of the server: `detail` says why, and what to do about it. */
export class BuildTokenError extends ApiError {
  override name = 'BuildTokenError';
  constructor(status: number, detail: string) {
    super(status, 'no_build_token', detail);
  }
}

/**
 * The token of a job of GitHub Actions or GitLab, for `connect({ token })`: what the build server says of the job is
 * exchanged at the server for a token that is good for an hour and for the runs of this build. It begins when the server
 * answers 401, so that nothing is asked for where no token is needed. Undefined: this is no such job.
 */
export function buildToken(url: string | readonly string[], env: CiEnv): TokenFunction | undefined {
  const ci = env['GITHUB_ACTIONS'] === 'true' ? github : env['GITLAB_CI'] === 'true' ? gitlab : undefined;
  if (ci === undefined) return undefined;
  const transport = createTransport();
  const context: Context = {
    baseUrls: new BaseUrls(url),
    transport,
    token: () => Promise.resolve(undefined),
    clientName: `runcast-js/${VERSION}`,
  };
  let isNeeded = false;
  let refusal: { error: Error; until: number } | undefined;
  const tokens = new Tokens(async () => {
    if (refusal !== undefined && Date.now() < refusal.until) throw refusal.error;
    refusal = undefined;
    try {
      const { isNeeded, audience } = await askServer(context, env);
      // The server needs none: whoever refused was somebody else.
      return isNeeded ? await exchanged(context, await ci(env, audience, transport), audience) : undefined;
    } catch (error) {
      if (error instanceof BuildTokenError) refusal = { error, until: Date.now() + REFUSED_MS };
      throw error;
    }
  });
  const fetchToken = async (refused?: string) => {
    if (refused !== undefined) tokens.refuse(refused === '' ? undefined : refused);
    isNeeded ||= refused !== undefined;
    if (!isNeeded) return undefined;
    const token = await tokens.get();
    isNeeded = token !== undefined;
    return token;
  };
  return Object.assign(fetchToken, { renew: () => tokens.renew() });
}

/** Whether the server needs a token, and what a token of the build is to be for. */
async function askServer(context: Context, env: CiEnv): Promise<{ isNeeded: boolean; audience: Audience }> {
  const audienceFor = (told: unknown) => audienceOf(told, env['RUNCAST_AUDIENCE'], context.baseUrls.all);
  try {
    const path = '/api/me';
    const me = await callJson<Record<string, unknown>>(context, { method: 'GET', path, timeoutMs: TIMEOUT_MS });
    return { isNeeded: me['mode'] === 'token', audience: audienceFor(me['audience']) };
  } catch (error) {
    // Something else has refused: a proxy, or what is no server of runcast's.
    const isForeign = error instanceof SyntaxError || (error instanceof ApiError && !error.passing);
    if (isForeign) return { isNeeded: false, audience: audienceFor(undefined) };
    throw error;
  }
}

/** Exchanges a token of the build. */
async function exchanged(context: Context, subject_token: string, { name }: Audience): Promise<Token> {
  const answer = await send(context, {
    method: 'POST',
    path: '/api/token',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ ...EXCHANGE, subject_token }).toString(),
    timeoutMs: TIMEOUT_MS,
  });
  const told = await membersOf(answer);
  const { access_token: token, expires_in: secs } = told;
  if (answer.status === 200 && typeof token === 'string' && typeof secs === 'number') {
    return { token, expiresAt: Date.now() + secs * 1000 };
  }
  const why = typeof told['error_description'] === 'string' ? oneLine(told['error_description']) : `it answers ${answer.status}`;
  if (isPassing(answer)) throw unavailable(answer, why);
  throw new BuildTokenError(
    answer.status,
    `the server does not take the token of this build: ${why}; it was made for ${oneLine(name)}, ` +
      'and a rule in the server\'s [[auth.issuers]] has to fit it',
  );
}

function isPassing({ status }: HttpResponse): boolean {
  return status >= 500 || status === 429;
}

/** There is no token now; the answer may say when to ask again. */
function unavailable(answer: HttpResponse, why: string): ApiError {
  return new ApiError(answer.status, 'token_unavailable', why, {}, retryAfter(answer.header('retry-after')));
}

/** What a server says, as a part of a line in the log of a job. */
function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}]+/gu, ' ').slice(0, 300);
}

/** Members of JSON; none: it is no JSON. */
async function membersOf(answer: HttpResponse): Promise<Record<string, unknown>> {
  try {
    const told: unknown = JSON.parse(new TextDecoder().decode(await answer.bytes()));
    return typeof told === 'object' && told !== null ? (told as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

const PERMISSION = 'give the job `permissions: id-token: write` (and `contents: read`), or set RUNCAST_TOKEN';

/** GitHub hands out a token for an audience to a job that may ask for one. */
async function github(env: CiEnv, audience: Audience, transport: Transport): Promise<string> {
  const [asked, bearer] = [env['ACTIONS_ID_TOKEN_REQUEST_URL'], env['ACTIONS_ID_TOKEN_REQUEST_TOKEN']];
  if (!asked || !bearer || !URL.canParse(asked)) {
    throw new BuildTokenError(401, `the server needs a token, and this job can have none: ${PERMISSION}`);
  }
  if (!audience.isSafe) {
    throw new BuildTokenError(
      401,
      `the server calls itself ${oneLine(audience.name)}, and not as RUNCAST_URL or RUNCAST_AUDIENCE do: no token is asked ` +
        'for in that name. If it is the public_url of your server, set RUNCAST_AUDIENCE to it',
    );
  }
  const url = new URL(asked);
  url.searchParams.set('audience', audience.name);
  const headers = { authorization: `Bearer ${bearer}`, accept: 'application/json' };
  const answer = await transport.send({ method: 'GET', url: url.href, headers, timeoutMs: TIMEOUT_MS });
  const { value } = await membersOf(answer);
  if (answer.status === 200 && typeof value === 'string') return value;
  if (isPassing(answer)) throw unavailable(answer, `GitHub makes no token now: it answers ${answer.status}`);
  throw new BuildTokenError(answer.status, `GitHub gives this job no token, it answers ${answer.status}: ${PERMISSION}`);
}

/** GitLab gives a job the tokens that its configuration names. */
function gitlab(env: CiEnv, { name, isSafe }: Audience): Promise<string> {
  const jwt = env['RUNCAST_JWT']?.trim();
  if (jwt) return Promise.resolve(jwt);
  const how = `give the job \`id_tokens: RUNCAST_JWT: aud: ${isSafe ? name : 'PUBLIC_URL_OF_THE_SERVER'}\`, or set RUNCAST_TOKEN`;
  return Promise.reject(new BuildTokenError(401, `the server needs a token, and this job has none: ${how}`));
}
