// Serves the pages as they are in src/, built anew at each load, in front of a running server:
// `RUNCAST_URL=http://127.0.0.1:3001 npm run dev`. Everything else goes to that server, WebSockets too.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';

import { buildPages } from './build.mjs';

const server = new URL(process.env.RUNCAST_URL ?? 'http://127.0.0.1:3001');
const port = Number(process.env.PORT ?? 0);
const out = mkdtempSync(join(tmpdir(), 'runcast-web-'));
const TYPES = { '.js': 'text/javascript', '.css': 'text/css' };
const POLICY = `default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
media-src 'self'; connect-src 'self' ws:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
require-trusted-types-for 'script'; trusted-types runcast`;
const SCRIPT_POLICY = `default-src 'none'; script-src 'self'; connect-src 'self' ws:; require-trusted-types-for 'script'; \
trusted-types 'none'`;

/** The same shell as the server's. */
function shell(page) {
  return `<!doctype html>
<html lang="en" data-worker="/assets/worker.js" data-diff="/assets/diff.js">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>runcast</title>
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/page.css">
<body><div id="page"></div><noscript>This page needs JavaScript.</noscript>
<script type="module" src="/assets/${page}.js"></script>
`;
}

function pass(from, to) {
  const headers = { ...from.headers, host: server.host };
  delete headers.origin; // the server takes only its own
  const options = { host: server.hostname, port: server.port, method: from.method, path: from.url, headers };
  from.pipe(
    httpRequest(options, (answer) => {
      to.writeHead(answer.statusCode, answer.headers);
      answer.pipe(to);
    }).on('error', () => to.writeHead(502).end('the server is not there')),
  );
}

const PAGES = { '/': 'list', '/ops': 'ops', '/auth/device': 'device' };

const front = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, 'http://localhost');
  const page = PAGES[pathname] ?? (/^\/runs\/[^/]+$/.test(pathname) ? 'run' : null);
  if (page !== null) {
    await buildPages(out).catch((error) => console.error(error.message));
    response.setHeader('content-security-policy', POLICY);
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(shell(page));
  } else if (pathname.startsWith('/assets/')) {
    try {
      const name = pathname.slice('/assets/'.length);
      const content = readFileSync(join(out, name));
      response.setHeader('content-security-policy', SCRIPT_POLICY);
      response.setHeader('content-type', TYPES[extname(name)] ?? 'application/octet-stream');
      response.end(content);
    } catch {
      response.writeHead(404).end();
    }
  } else {
    pass(request, response);
  }
});

front.on('upgrade', (request, socket) => {
  const back = connect(Number(server.port), server.hostname, () => {
    const headers = Object.entries({ ...request.headers, host: server.host, origin: server.origin });
    back.write(`GET ${request.url} HTTP/1.1\r\n${headers.map(([name, value]) => `${name}: ${value}`).join('\r\n')}\r\n\r\n`);
    socket.pipe(back).pipe(socket);
  });
  for (const end of [socket, back]) end.on('error', () => (socket.destroy(), back.destroy()));
});
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    rmSync(out, { recursive: true, force: true });
    process.exit(0);
  });
}
front.listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${front.address().port}/ in front of ${server.href}`));
