// Networks that are in the way: proxies that let no WebSocket through, dead connections, several addresses.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { after, before, test } from 'node:test';

import { connect, isFinal } from '@runcast/client';

import { closeWatches, collect, eventually, freePort, numbered, Server, statuses } from './support/server.js';

let server;
before(async () => (server = await Server.start({ RUNCAST__HEARTBEAT__PING_SECS: '1' })));
after(() => {
  closeWatches();
  return server.stop();
});

const range = (first, last) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

// A proxy that passes requests on while it is not away, and does with upgrades what `upgrade` says.
async function proxy(upgrade, isAway = () => false) {
  const upgrades = [];
  const front = http.createServer((request, response) => {
    if (isAway()) return request.socket.destroy();
    const passed = http.request(server.url + request.url, { method: request.method, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    passed.on('error', () => response.destroy());
    response.on('close', () => passed.destroy());
    request.pipe(passed);
  });
  front.on('upgrade', (request, socket) => {
    upgrades.push(request.url);
    socket.on('error', () => {});
    upgrade(socket, request);
  });
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  return {
    upgrades,
    url: `http://127.0.0.1:${front.address().port}`,
    stop: () => {
      front.closeAllConnections();
      front.close();
    },
  };
}

// Passes an upgrade on.
function passOn(socket, request) {
  const outer = net.connect(server.port, '127.0.0.1', () => {
    const head = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}\r\n`).join('');
    outer.write(`GET ${request.url} HTTP/1.1\r\n${head}\r\n`);
    socket.pipe(outer).pipe(socket);
  });
  outer.on('error', () => socket.destroy());
}

// A tunnel whose connections can be frozen and cut.
async function tunnel(port) {
  const pairs = new Set();
  const front = net.createServer((inner) => {
    const outer = net.connect(port, '127.0.0.1');
    const pair = { inner, outer };
    pairs.add(pair);
    inner.pipe(outer).pipe(inner);
    for (const socket of [inner, outer]) {
      socket.on('error', () => {});
      socket.on('close', () => pairs.delete(pair));
    }
  });
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  return {
    url: `http://127.0.0.1:${front.address().port}`,
    get open() {
      return pairs.size;
    },
    freeze: () => {
      for (const { inner, outer } of pairs) {
        inner.unpipe();
        outer.unpipe();
        outer.pause();
        inner.pause();
      }
    },
    stop: () => {
      for (const { inner, outer } of pairs) [inner, outer].map((socket) => socket.destroy());
      front.close();
    },
  };
}

for (const [what, refuse] of [
  ['answers 403', (socket) => socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno')],
  ['drops the connection', (socket) => socket.destroy()],
]) {
  test(`where a proxy ${what} to an upgrade, pages bring the events, and the status says so`, async () => {
    const run = `proxied-${what.length}`;
    const front = await proxy(refuse);
    await server.post(run, numbered(1, 7_000));
    const watch = connect({ url: front.url }).run(run).watch();
    const told = statuses(watch);
    const seen = collect(watch);
    await seen.until(7_000);
    await eventually(() => watch.status === 'polling');
    await server.post(run, numbered(7_001, 7_010));
    await seen.until(7_010);
    assert.deepEqual(seen.events.map(({ seq }) => seq), range(1, 7_010));
    assert.ok(!told.some(({ status }) => status === 'live'));
    watch.close();
    await seen.done;
    front.stop();
  });
}

test('a server that goes away within two handshakes is no reason to ask for pages', async () => {
  let requests = 0;
  const front = await proxy(
    (socket, request) => (front.upgrades.length <= 2 ? socket.destroy() : passOn(socket, request)),
    // For other requests it is away as well, as long as it is for the two upgrades.
    () => {
      requests += 1;
      return front.upgrades.length === 1 || requests === 2;
    },
  );
  const watch = connect({ url: front.url }).run('away').watch();
  const told = statuses(watch);
  await eventually(() => watch.status === 'live');
  assert.equal(front.upgrades.length, 3);
  assert.ok(!told.some(({ status }) => status === 'polling'), JSON.stringify(told));
  watch.close();
  front.stop();
});

test('a WebSocket is tried again while pages are asked for, and takes over without a loss', async () => {
  let refuses = true;
  const front = await proxy((socket, request) => (refuses ? socket.destroy() : passOn(socket, request)));
  const watch = connect({ url: front.url }).run('back').watch();
  const seen = collect(watch);
  await server.post('back', numbered(1, 10));
  await eventually(() => watch.status === 'polling');
  refuses = false;
  await eventually(() => watch.status === 'live');
  await server.post('back', numbered(11, 20));
  await seen.until(20);
  assert.deepEqual(seen.events.map(({ n }) => n), range(1, 20));
  watch.close();
  front.stop();
});

test('a connection that died without a word is noticed, and replaced', async () => {
  const way = await tunnel(server.port);
  const watch = connect({ url: way.url }).run('dead').watch();
  const told = statuses(watch);
  const seen = collect(watch);
  await server.post('dead', numbered(1, 3));
  await seen.until(3);
  way.freeze();
  await server.post('dead', numbered(4, 6));
  const began = Date.now();
  await seen.until(6);
  assert.ok(Date.now() - began < 6_000, 'a heartbeat is a second here');
  const { error } = told.find(({ status }) => status === 'reconnecting');
  assert.equal(error.failure, 'timeout');
  assert.deepEqual(seen.events.map(({ n }) => n), range(1, 6));
  watch.close();
  way.stop();
});

test('a quiet connection is not taken for a dead one, with pings and without', async () => {
  // A class as browsers have it: it shows no pings.
  const { openSocket } = await import('../dist/socket-node.js');
  class Browserlike extends EventTarget {
    readyState = 0;
    constructor(url) {
      super();
      this.socket = openSocket({ url, headers: {} }, {
        text: (data) => this.#tell('message', { data }),
        binary: (data) => this.#tell('message', { data: data.buffer }),
        pinged: () => {},
        closed: (code, reason) => this.#tell('close', { code, reason }),
      });
    }
    #tell(type, members) {
      this.readyState = 1;
      this.dispatchEvent(Object.assign(new Event(type), members));
    }
    send(text) {
      this.socket.send(text);
    }
    close() {
      this.socket.close();
    }
  }
  const watches = [{}, { WebSocket: Browserlike }].map((more) => connect({ url: server.url, ...more }).run('quiet').watch());
  const told = watches.map(statuses);
  watches.forEach(collect);
  await eventually(() => watches.every(({ status }) => status === 'live'));
  const quietUntil = Date.now() + 4_000;
  await eventually(() => Date.now() > quietUntil);
  for (const statuses of told) assert.deepEqual(statuses.map(({ status }) => status), ['live']);
  for (const watch of watches) watch.close();
});

test('the next address is used when one is away', async () => {
  const nobody = `http://127.0.0.1:${await freePort()}`;
  const client = connect({ url: [nobody, server.url] });
  const seen = collect(client.run('second').watch());
  await server.post('second', [{ type: 'run_status', status: 'passed' }]);
  await seen.until(1);
  assert.ok(isFinal(seen.events[0].status));
  assert.equal((await client.run('second').state()).status, 'passed');
});

test('Retry-After of a proxy in front is obeyed', async () => {
  let asked = [];
  const front = await proxy((socket) => {
    asked.push(Date.now());
    socket.end('HTTP/1.1 503 Busy\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
  });
  const watch = connect({ url: front.url }).run('busy').watch();
  const told = statuses(watch);
  collect(watch);
  await eventually(() => asked.length >= 3);
  watch.close();
  front.stop();
  for (const [index, at] of asked.slice(1).entries()) assert.ok(at - asked[index] >= 990, String(at - asked[index]));
  assert.equal(told[0].error.status, 503);
});
