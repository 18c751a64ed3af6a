// What stands between the reporter and the server, and does not always work.
const http = require('node:http');

/**
 * Starts a server in front of `target()` that does with a request what `fault(request, n)` says; requests that post
 * events are counted, from 1. `{status, headers, body}`: answers so; `{until}`: passes it on when the promise is resolved; `'cut'`: breaks the
 * connection within the request's body; `'cut answer'`: passes it on, and breaks the connection within the answer;
 * `'hang'`: never answers; undefined: passes it on. Closed with the test; `count` has how often each fault occurred.
 */
async function faulty(test, target, fault) {
  const { fake } = await import('../../../js/test/support/servers.js');
  const count = {};
  let posts = 0;
  const started = await fake(test, async (request, response) => {
    const isPost = request.method === 'POST' && request.url.endsWith('/events');
    const told = fault(request, isPost ? (posts += 1) : 0);
    const name = told === undefined ? 'none' : typeof told === 'string' ? told : (told.status ?? 'stall');
    count[name] = (count[name] ?? 0) + 1;
    request.on('error', () => {});
    response.on('error', () => {});
    if (told === 'hang') return;
    if (told === 'cut') return void request.once('data', () => request.socket.resetAndDestroy());
    if (told?.status !== undefined) {
      request.resume();
      return void request.once('end', () => response.writeHead(told.status, told.headers).end(told.body ?? ''));
    }
    await told?.until;
    const headers = { ...request.headers, host: new URL(target()).host };
    const onward = http.request(target() + request.url, { method: request.method, headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      if (told !== 'cut answer') return void answer.pipe(response);
      answer.once('data', (part) => {
        response.write(part.subarray(0, 1));
        answer.once('close', () => request.socket.resetAndDestroy());
        answer.resume();
      });
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  });
  return { url: started.url, port: started.port, count };
}

module.exports = { faulty };
