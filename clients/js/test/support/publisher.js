// Publishers for tests, and a server that keeps what they post.

import { gunzipSync } from 'node:zlib';

import { Publisher } from '../../dist/publish.js';
import { contextOf } from './runcast.js';
import { bodyOf, fake } from './servers.js';

export const log = (number) => ({ type: 'log', text: `line ${number}`, number });
export const numbersOf = (events) => events.filter((event) => event.type === 'log').map((event) => event.number);
export const upTo = (count) => Array.from({ length: count }, (_, index) => index);
export const problem = (response, status, code, more = {}) => {
  response.writeHead(status, { 'content-type': 'application/problem+json' });
  response.end(JSON.stringify({ status, code, detail: `refused: ${code}`, ...more }));
};

/** A publisher that is closed with the test. */
export function publisher(t, url, options = {}, run = 'r1') {
  const problems = [];
  const made = new Publisher(contextOf(url), run, { onError: (problem) => problems.push(problem), ...options });
  t.after(() => made.close({ timeoutMs: 0 }));
  return Object.assign(made, { problems });
}

/** A server that keeps what is posted; `answer(request, n)` may answer a post in its own way and return true. */
export async function keeper(t, answer = () => false) {
  const posts = [];
  let high = 0;
  const stored = [];
  const started = await fake(t, async (request, response) => {
    if (!request.url.endsWith('/events')) return problem(response, 404, 'run_not_found');
    let body = await bodyOf(request);
    const size = body.length;
    if (request.headers['content-encoding'] === 'gzip') body = gunzipSync(body);
    const events = body.toString().trimEnd().split('\n').map((line) => JSON.parse(line));
    const first = Number(request.headers['runcast-producer-seq']);
    const post = { first, events, headers: request.headers, size, at: Date.now() };
    posts.push(post);
    if (await answer(post, response, request, posts.length)) return;
    const fresh = events.slice(Math.max(0, high + 1 - first));
    stored.push(...fresh);
    high = Math.max(high, first + events.length - 1);
    const body_ = { stored: fresh.length, duplicates: events.length - fresh.length, producerSeq: high, viewers: null };
    response.writeHead(202).end(JSON.stringify({ ...body_, ...post.more }));
  });
  return { ...started, posts, stored };
}
