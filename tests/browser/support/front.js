// An HTTP server of the test, and one that stands in front of a node with the same origin for both.

import { once } from "node:events";
import { createServer, request } from "node:http";

// `answer(request, response)` returns whether it answered; everything else is 404. `requests` are those it has seen.
export class Site {
  requests = [];
  #server;

  static async start(answer, otherwise = (_, response) => response.writeHead(404).end()) {
    const site = new Site();
    site.#server = createServer((asked, response) => {
      site.requests.push(asked);
      if (!answer(asked, response)) otherwise(asked, response);
    });
    site.#server.listen(0, "127.0.0.1");
    await once(site.#server, "listening");
    site.port = site.#server.address().port;
    site.url = `http://127.0.0.1:${site.port}`;
    return site;
  }

  // What `answer` does not answer, the node does.
  static before(node, answer) {
    return Site.start(answer, (asked, response) => {
      const { method, headers } = asked;
      const passed = request(node.url + asked.url, { method, headers }, (given) => {
        response.writeHead(given.statusCode, given.rawHeaders);
        given.pipe(response);
      });
      passed.once("error", () => response.destroy());
      asked.pipe(passed);
    });
  }

  // The requests for a path, whatever its query.
  of(path) {
    return this.requests.filter(({ url }) => url.split("?")[0] === path);
  }

  stop() {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
