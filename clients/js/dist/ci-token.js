import { createTransport } from '#transport';
import { BaseUrls } from './base-urls.js';
import { callJson, send } from './context.js';
import { ApiError } from './errors.js';
import { VERSION } from './generated/index.js';
import { Tokens } from './tokens.js';
/** How long a refusal holds before the server is asked again, in milliseconds. */
const REFUSED_MS = 60_000;
/** Longest time without an answer, in milliseconds. */
const TIMEOUT_MS = 15_000;
const EXCHANGE = {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
};
/** A build has no token of the server: `detail` says why, and what to do about it. */
export class BuildTokenError extends ApiError {
    name = 'BuildTokenError';
    constructor(status, detail) {
        super(status, 'no_build_token', detail);
    }
}
/**
 * The token of a job of GitHub Actions or GitLab, for `connect({ token })`: what the build server says of the job is
 * exchanged at the server for a token that is good for an hour and for the runs of this build. It begins when the server
 * answers 401, so that nothing is asked for where no token is needed. Undefined: this is no such job.
 */
export function buildToken(url, env) {
    const ci = env['GITHUB_ACTIONS'] === 'true' ? github : env['GITLAB_CI'] === 'true' ? gitlab : undefined;
    if (ci === undefined)
        return undefined;
    const transport = createTransport();
    const context = {
        baseUrls: new BaseUrls(url),
        transport,
        token: () => Promise.resolve(undefined),
        clientName: `runcast-js/${VERSION}`,
    };
    let isNeeded = false;
    let refusal;
    const tokens = new Tokens(async () => {
        if (refusal !== undefined && Date.now() < refusal.until)
            throw refusal.error;
        refusal = undefined;
        try {
            return await exchanged(context, (audience) => ci(env, audience, transport));
        }
        catch (error) {
            if (error instanceof BuildTokenError)
                refusal = { error, until: Date.now() + REFUSED_MS };
            throw error;
        }
    });
    return async (refused) => {
        if (refused !== undefined)
            tokens.refuse(refused === '' ? undefined : refused);
        isNeeded ||= refused !== undefined;
        if (!isNeeded)
            return undefined;
        const token = await tokens.get();
        isNeeded = token !== undefined;
        return token;
    };
}
/** Whether the server needs a token, and what a token of the build is to be for. */
async function askServer(context) {
    const own = new URL(context.baseUrls.current).origin;
    try {
        const path = '/api/me';
        const me = await callJson(context, { method: 'GET', path, timeoutMs: TIMEOUT_MS });
        const { mode, audience } = me;
        return { isNeeded: mode === 'token', audience: typeof audience === 'string' ? audience : own };
    }
    catch (error) {
        // Something else has refused: a proxy, or what is no server of runcast's.
        if (error instanceof SyntaxError || (error instanceof ApiError && !error.passing))
            return { isNeeded: false, audience: own };
        throw error;
    }
}
/** Exchanges a token of the build; undefined: the server needs none, so whoever refused was somebody else. */
async function exchanged(context, jwtFor) {
    const { isNeeded, audience } = await askServer(context);
    if (!isNeeded)
        return undefined;
    const subject_token = await jwtFor(audience);
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
    const why = typeof told['error_description'] === 'string' ? told['error_description'] : `it answers ${answer.status}`;
    if (answer.status >= 500 || answer.status === 429)
        throw new ApiError(answer.status, 'token_unavailable', why);
    throw new BuildTokenError(answer.status, `the server does not take the token of this build: ${why}; it was made for ${audience}, ` +
        'and a rule in the server\'s [[auth.issuers]] has to fit it');
}
/** Members of JSON; none: it is no JSON. */
async function membersOf(answer) {
    try {
        const told = JSON.parse(new TextDecoder().decode(await answer.bytes()));
        return typeof told === 'object' && told !== null ? told : {};
    }
    catch {
        return {};
    }
}
const PERMISSION = 'give the job `permissions: id-token: write` (and `contents: read`), or set RUNCAST_TOKEN';
/** GitHub hands out a token for an audience to a job that may ask for one. */
async function github(env, audience, transport) {
    const [asked, bearer] = [env['ACTIONS_ID_TOKEN_REQUEST_URL'], env['ACTIONS_ID_TOKEN_REQUEST_TOKEN']];
    if (!asked || !bearer || !URL.canParse(asked)) {
        throw new BuildTokenError(401, `the server needs a token, and this job can have none: ${PERMISSION}`);
    }
    const url = new URL(asked);
    url.searchParams.set('audience', audience);
    const headers = { authorization: `Bearer ${bearer}`, accept: 'application/json' };
    const answer = await transport.send({ method: 'GET', url: url.href, headers, timeoutMs: TIMEOUT_MS });
    const { value } = await membersOf(answer);
    if (answer.status === 200 && typeof value === 'string')
        return value;
    if (answer.status >= 500 || answer.status === 429) {
        throw new ApiError(answer.status, 'token_unavailable', `GitHub makes no token now: it answers ${answer.status}`);
    }
    throw new BuildTokenError(answer.status, `GitHub gives this job no token, it answers ${answer.status}: ${PERMISSION}`);
}
/** GitLab gives a job the tokens that its configuration names. */
function gitlab(env, audience) {
    const jwt = env['RUNCAST_JWT']?.trim();
    if (jwt)
        return Promise.resolve(jwt);
    const how = `give the job \`id_tokens: RUNCAST_JWT: aud: ${audience}\`, or set RUNCAST_TOKEN`;
    return Promise.reject(new BuildTokenError(401, `the server needs a token, and this job has none: ${how}`));
}
