// GitHub's API for commit statuses, as far as it is needed.
const { createServer } = require('node:http');

/** Starts it; it goes with the test. `answer`: the status code of all answers; 0: there are none. */
async function githubApi(test, answer = 201) {
  const posts = [];
  const listening = createServer(async (request, response) => {
    const body = JSON.parse(Buffer.concat(await request.toArray()).toString());
    posts.push({ path: request.url, token: request.headers.authorization, ...body });
    if (answer === 0) return;
    response.writeHead(answer, { 'content-type': 'application/json' });
    response.end('{}');
  });
  await new Promise((done) => listening.listen(0, '127.0.0.1', done));
  test.after(() => {
    listening.closeAllConnections();
    listening.close();
  });
  return { posts, url: `http://127.0.0.1:${listening.address().port}` };
}

module.exports = { githubApi };
