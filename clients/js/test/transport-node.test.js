import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import https from 'node:https';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';

import { lookupBy } from '../dist/lookup-node.js';
import { proxyFor } from '../dist/proxy-env.js';
import { createTransport } from '../dist/transport-node.js';
import { certificates } from './support/certificates.js';
import { bodyOf, fake, proxy } from './support/servers.js';

const text = async (response) => Buffer.from(await response.bytes()).toString();

/** Sends a GET in a process of its own with this environment; resolves to what it prints. */
async function inProcess(url, environment) {
  const script = `
    import { createTransport } from ${JSON.stringify(new URL('../dist/transport-node.js', import.meta.url).href)};
    try {
      const response = await createTransport().send({ method: 'GET', url: process.argv[1], timeoutMs: 5000 });
      console.log(response.status, Buffer.from(await response.bytes()).toString());
    } catch (error) { console.log(error.name, error.failure, error.message); }`;
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/_proxy$/i.test(name)));
  const env = { ...clean, NODE_EXTRA_CA_CERTS: '', ...environment };
  const args = ['--input-type=module', '-e', script, url];
  return (await promisify(execFile)(process.execPath, args, { env })).stdout.trim();
}

test('every kind of body arrives whole, and the answer is read', async (t) => {
  const server = await fake(t, async (request, response) => {
    const body = await bodyOf(request);
    const length = request.headers['content-length'] ?? 'chunked';
    response.end(`${request.method} ${length} ${body.length} ${body.subarray(-3)}`);
  });
  const transport = createTransport();
  const send = async (body) => text(await transport.send({ method: 'PUT', url: server.url, body }));
  const large = Buffer.alloc(300_000, 'x');
  assert.equal(await send('añb'), 'PUT 4 4 ñb');
  assert.equal(await send(large), 'PUT 300000 300000 xxx');
  assert.equal(await send(new Blob([large, 'abc'])), 'PUT 300003 300003 abc');
  const iterable = (async function* () {
    yield large;
    yield Buffer.from('end');
  })();
  assert.equal(await send(iterable), 'PUT chunked 300003 end');
  assert.equal(await send(undefined), 'PUT 0 0 ');
  assert.equal(server.sockets.size, 1, 'one connection is kept for all of them');
});

test('a compressed answer is decoded', async (t) => {
  const server = await fake(t, (_, response) => {
    response.setHeader('content-encoding', 'gzip').end(gzipSync('hello'));
  });
  assert.equal(await text(await createTransport().send({ method: 'GET', url: server.url })), 'hello');
});

test('a kept connection that the server has closed costs no request', async (t) => {
  let requests = 0;
  const server = await fake(t, (request, response) => {
    requests += 1;
    response.end('ok');
    // Without a word to the client, as when a load balancer drops an idle connection.
    if (requests % 2) setImmediate(() => request.socket.resetAndDestroy());
  });
  const transport = createTransport();
  for (let round = 0; round < 20; round += 1) {
    assert.equal(await text(await transport.send({ method: 'POST', url: server.url, body: 'x' })), 'ok');
  }
});

test('each way to fail has its name, and the message says where', async (t) => {
  const failure = async (request) => {
    const error = await createTransport().send({ method: 'GET', ...request }).catch((error) => error);
    assert.equal(error.name, 'TransportError', String(error));
    return error;
  };
  const closed = await fake(t, () => {});
  closed.close();
  const refused = await failure({ url: closed.url });
  assert.equal(refused.failure, 'refused');
  assert.match(refused.message, new RegExp(`^127.0.0.1:${closed.port} refused the connection: check`));

  assert.equal((await failure({ url: 'http://nowhere.invalid/' })).failure, 'dns');

  const silent = await fake(t, () => {});
  const timeout = await failure({ url: silent.url, timeoutMs: 50 });
  assert.equal(timeout.failure, 'timeout');
  assert.match(timeout.message, /no sign of life for 0.05 s/);

  const resets = await fake(t, (request) => request.socket.resetAndDestroy());
  assert.equal((await failure({ url: resets.url })).failure, 'reset');
  const plain = await fake(t, (_, response) => response.end('plain'));
  assert.equal((await failure({ url: plain.url.replace('http:', 'https:') })).failure, 'tls');
});

test('slow progress is no timeout, and an answer that stops is', async (t) => {
  const server = await fake(t, async (request, response) => {
    for (let part = 0; part < 6; part += 1) {
      response.write('.');
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    if (request.url === '/ends') response.end('!');
  });
  const send = (path) => createTransport().send({ method: 'GET', url: server.url + path, timeoutMs: 250 });
  assert.equal(await text(await send('/ends')), '......!');
  await assert.rejects((await send('/stops')).bytes(), { failure: 'timeout' });
});

test('a request ends with its signal, before and within the answer', async (t) => {
  const server = await fake(t, (request, response) => request.url === '/head' && response.write('head'));
  for (const path of ['/nothing', '/head']) {
    const controller = new AbortController();
    const request = { method: 'GET', url: server.url + path, signal: controller.signal };
    const sent = createTransport().send(request).then((response) => response.bytes());
    setTimeout(() => controller.abort(new Error('enough')), 30);
    await assert.rejects(sent, /enough/);
  }
  await assert.rejects(createTransport().send({ method: 'GET', url: server.url, signal: AbortSignal.abort() }));
});

test('an answer that breaks off is an error, however late it is read', async (t) => {
  let breakOff, broken;
  const gone = new Promise((resolve) => (broken = resolve));
  const other = await fake(t, (_, response) => response.end());
  const server = await fake(t, (request, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('begin');
    breakOff = () => request.socket.resetAndDestroy();
    request.socket.once('close', broken);
  });
  const response = await createTransport().send({ method: 'GET', url: server.url });
  breakOff();
  await gone;
  // An answer on another connection: what was sent before it has come.
  await createTransport().send({ method: 'GET', url: `${other.url}/` });
  await assert.rejects(response.bytes(), { failure: 'reset' });
});

test('a status of the server is an answer and no failure', async (t) => {
  const server = await fake(t, (_, response) => response.writeHead(401).end('who?'));
  const response = await createTransport().send({ method: 'GET', url: server.url });
  assert.deepEqual([response.status, await text(response)], [401, 'who?']);
});

test('the environment says which proxy, and for which hosts none', () => {
  const url = (text) => new URL(text);
  const pick = (target, environment) => proxyFor(url(target), environment)?.url.href;
  const both = { HTTPS_PROXY: 'http://p:1', http_proxy: 'q:2' };
  assert.equal(pick('https://a.test', both), 'http://p:1/');
  assert.equal(pick('http://a.test', both), 'http://q:2/');
  assert.equal(pick('https://a.test', { ALL_PROXY: 'http://p:1' }), 'http://p:1/');
  assert.equal(pick('https://a.test', { https_proxy: 'http://low', HTTPS_PROXY: 'http://up' }), 'http://low/');
  assert.equal(pick('https://a.test', {}), undefined);
  for (const own of ['http://localhost', 'http://127.0.0.1:3', 'https://[::1]:3']) {
    assert.equal(pick(own, { ALL_PROXY: 'http://p:1' }), undefined, own);
  }
  const exempt = (target, noProxy) => pick(target, { ALL_PROXY: 'http://p:1', NO_PROXY: noProxy }) === undefined;
  for (const [target, noProxy, expected] of [
    ['https://a.test', '*', true],
    ['https://a.test', 'b.test, a.test', true],
    ['https://x.a.test', 'a.test', true],
    ['https://x.a.test', '.a.test', true],
    ['https://x.a.test', '*.a.test', true],
    ['https://xa.test', 'a.test', false],
    ['https://a.test', 'a.test:443', true],
    ['https://a.test', 'a.test:8443', false],
    ['https://10.1.2.3', '10.0.0.0/8', true],
    ['https://11.1.2.3', '10.0.0.0/8', false],
    ['https://[fd00::1]:3', '[fd00::1]:3', true],
    ['https://[fd00::1]', 'fd00::/16', true],
    ['https://A.test', 'a.TEST', true],
    ['https://a.test', '', false],
    ['https://a.test', '10.0.0.0/99 a', false],
  ]) {
    assert.equal(exempt(target, noProxy), expected, `${target} ${noProxy}`);
  }
  assert.throws(() => pick('https://a.test', { ALL_PROXY: 'socks5://p:1' }), /ALL_PROXY names a proxy of the kind socks5:/);
});

test('requests pass a proxy: in plain text by their URL, encrypted through a tunnel', async (t) => {
  const certificate = certificates(t, 'runcast.test');
  const plain = await fake(t, (request, response) => response.end(`plain ${request.headers.host} ${request.url}`));
  const secure = await fake(t, (request, response) => response.end(`secure ${request.headers.host}`), (handle) =>
    https.createServer(certificate, handle),
  );
  const through = await proxy(t, { credentials: 'ada:p@ss' });
  const url = `http://ada:p%40ss@127.0.0.1:${through.port}`;
  const env = { ALL_PROXY: url, NODE_EXTRA_CA_CERTS: certificate.ca };
  assert.equal(
    await inProcess(`http://runcast.test:${plain.port}/a?b`, env),
    `200 plain runcast.test:${plain.port} /a`,
  );
  assert.equal(await inProcess(`https://runcast.test:${secure.port}/`, env), `200 secure runcast.test:${secure.port}`);
  assert.deepEqual(through.asked, [
    `GET http://runcast.test:${plain.port}/a?b`,
    `CONNECT runcast.test:${secure.port}`,
  ]);

  const wrong = { ALL_PROXY: `http://127.0.0.1:${through.port}` };
  for (const target of ['http://runcast.test:1/', 'https://runcast.test:1/']) {
    const told = await inProcess(target, wrong);
    assert.match(told, /^TransportError proxy the proxy 127.0.0.1:\d+ \(ALL_PROXY\) answered 407: .*user and password/);
  }
});

test('a proxy that refuses, or is away, is named as the proxy', async (t) => {
  const refusing = await proxy(t, { refuses: true });
  const told = await inProcess('https://runcast.test/', { HTTPS_PROXY: refusing.url });
  assert.match(told, /^TransportError proxy .* answered 403/);
  const away = await fake(t, () => {});
  away.close();
  for (const [scheme, name] of [['https', 'https_proxy'], ['http', 'HTTP_PROXY']]) {
    const told = await inProcess(`${scheme}://runcast.test/`, { [name]: away.url });
    assert.match(told, new RegExp(`^TransportError proxy the proxy 127.0.0.1:${away.port} \\(${name}\\) refused`));
  }
  assert.match(await inProcess('https://runcast.test/', { ALL_PROXY: 'socks5://p:1' }), /^TransportError proxy ALL_PROXY/);
});

test('a private authority is trusted through NODE_EXTRA_CA_CERTS alone', async (t) => {
  const certificate = certificates(t, 'localhost', '127.0.0.1');
  const server = await fake(t, (_, response) => response.end('hello'), (handle) => https.createServer(certificate, handle));
  const url = `https://127.0.0.1:${server.port}/`;
  assert.equal(await inProcess(url, { NODE_EXTRA_CA_CERTS: certificate.ca }), '200 hello');
  const told = await inProcess(url, {});
  assert.match(told, new RegExp(`^TransportError tls 127.0.0.1:${server.port} can't be trusted.*NODE_EXTRA_CA_CERTS`));
});

test('the process ends while a request in the background waits', async (t) => {
  const server = await fake(t, () => {});
  const script = `
    import { createTransport } from ${JSON.stringify(new URL('../dist/transport-node.js', import.meta.url).href)};
    createTransport().send({ method: 'GET', url: process.argv[1], background: true }).catch(() => {});`;
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, server.url], { timeout: 10_000 });
});

test('name servers that do not answer are not waited for in a thread', async (t) => {
  const silent = createSocket('udp4');
  t.after(() => silent.close());
  silent.bind(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address();
  const looked = await new Promise((resolve) => lookupBy([`127.0.0.1:${port}`], 100)('runcast.test', {}, resolve));
  assert.deepEqual([looked.code, looked.message], ['EAI_AGAIN', 'the name servers did not answer within 0.1 s']);
  // This machine's own names need none.
  const [error, address] = await new Promise((resolve) =>
    lookupBy([`127.0.0.1:${port}`], 100)('localhost', { family: 4 }, (...told) => resolve(told)),
  );
  assert.deepEqual([error, address], [null, '127.0.0.1']);
});
