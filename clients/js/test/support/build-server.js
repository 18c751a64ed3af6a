// A build server as GitHub Actions and GitLab are: it signs what it says of a job, and publishes its keys.
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { server } from './runcast.js';
import { fake } from './servers.js';

export const PUBLIC_URL = 'https://runcast.example.org';

const base64 = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/**
 * Starts it; it goes with the test. `asked`: the audiences that tokens were asked for. `status`, `retryAfter`: what it
 * answers to that.
 */
export async function buildServer(t) {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const made = { asked: [], status: 200 };
  const keys = JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'RS256', use: 'sig' }] });
  const { url } = await fake(t, (request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://x');
    if (pathname !== '/token') return response.writeHead(200, { 'content-type': 'application/json' }).end(keys);
    made.asked.push(searchParams.get('audience'));
    const isRight = request.headers.authorization === 'Bearer request-token' && searchParams.get('api-version') === '2.0';
    if (!isRight || made.status !== 200) {
      const headers = made.retryAfter === undefined ? {} : { 'retry-after': made.retryAfter };
      return response.writeHead(isRight ? made.status : 401, headers).end();
    }
    response.end(JSON.stringify({ value: made.jwt(searchParams.get('audience'), made.claims) }));
  });
  made.url = url;
  made.claims = { repository_owner_id: '7', repository_id: '42', repository: 'acme/shop', run_id: '9', run_attempt: '1' };
  made.jwt = (aud, claims) => {
    const now = Math.floor(Date.now() / 1000);
    const all = { iss: url, aud, sub: 'job', jti: randomUUID(), iat: now, nbf: now, exp: now + 300, ...claims };
    const text = `${base64({ alg: 'RS256', typ: 'JWT', kid: 'k' })}.${base64(all)}`;
    return `${text}.${sign('RSA-SHA256', Buffer.from(text), privateKey).toString('base64url')}`;
  };
  /** The variables of a job of GitHub Actions that may have tokens, at a server that is reached by another name than its own. */
  made.github = {
    GITHUB_ACTIONS: 'true',
    ACTIONS_ID_TOKEN_REQUEST_URL: `${url}/token?api-version=2.0`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-token',
    RUNCAST_AUDIENCE: PUBLIC_URL,
  };
  return made;
}

/** A server that takes tokens of a build server. `key`: its first one; `read(path)`: what its operator sees. */
export async function guarded(t, builds, { preset = 'github-actions', when = { repository_owner_id: '7' } } = {}) {
  const issuers = [{ preset, name: 'builds', issuer: builds.url, rules: [{ when }] }];
  const node = await server(t, {
    AUTH__MODE: 'token', AUTH__ISSUERS: JSON.stringify(issuers), SERVER__PUBLIC_URL: PUBLIC_URL,
  });
  node.key = readFileSync(join(node.dir, 'admin.key'), 'utf8').trim();
  const authorization = `Bearer ${node.key}`;
  node.read = async (path) => (await fetch(node.url + path, { headers: { authorization } })).json();
  node.typesOf = async (run) => (await node.read(`/api/runs/${run}/events`)).events.map(({ type }) => type);
  return node;
}
