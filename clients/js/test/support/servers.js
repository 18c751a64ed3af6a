// Servers for tests: a proxy, and one that answers what a test says.
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';

/** Starts a server that answers by `handle`; closed with the test. */
export async function fake(test, handle, listener = http.createServer) {
  const server = listener(handle);
  const sockets = new Set();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  test.after(close);
  const { port } = server.address();
  return { server, sockets, port, url: `http://127.0.0.1:${port}`, close };
}

/** The whole body of a request. */
export async function bodyOf(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
}

/**
 * Starts a proxy that takes every host for this machine: `CONNECT`, and absolute URLs. `credentials` are `user:password`.
 */
export async function proxy(test, { credentials, refuses = false } = {}) {
  const asked = [];
  const wanted = credentials && `Basic ${Buffer.from(credentials).toString('base64')}`;
  const refusal = (request) => {
    asked.push(`${request.method} ${request.url}`);
    if (refuses) return 403;
    return wanted && request.headers['proxy-authorization'] !== wanted ? 407 : 0;
  };
  const started = await fake(test, (request, response) => {
    const status = refusal(request);
    if (status) return response.writeHead(status).end();
    const url = new URL(request.url);
    const headers = { ...request.headers };
    delete headers['proxy-authorization'];
    const onward = http.request({ port: url.port, path: url.pathname, method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  });
  started.server.on('connect', (request, socket, head) => {
    const status = refusal(request);
    if (status) return socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`);
    const onward = net.connect(Number(request.url.split(':').at(-1)), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      onward.write(head);
      onward.pipe(socket);
      socket.pipe(onward);
    });
    onward.on('error', () => socket.destroy());
    socket.on('error', () => onward.destroy());
    test.after(() => onward.destroy());
  });
  return { ...started, asked };
}
