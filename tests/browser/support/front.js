// An HTTP server of the test, and one that stands in front of a node with the same origin for both.

import { once } from "node:events";
import { createServer, request } from "node:http";
import { connect } from "node:net";

// `answer(request, response)` returns whether it answered; everything else is 404. `requests` are those it has seen.
export class Site {
  requests = [];
  #server;
  #sockets = new Set(); // WebSockets, which the server no longer knows

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

  // What `answer` does not answer, the node does, WebSockets too.
  static async before(node, answer) {
    const site = await Site.start(answer, (asked, response) => {
      const { method, headers } = asked;
      const passed = request(node.url + asked.url, { method, headers }, (given) => {
        response.writeHead(given.statusCode, given.rawHeaders);
        given.pipe(response);
      });
      passed.once("error", () => response.destroy());
      asked.pipe(passed);
    });
    site.#server.on("upgrade", (asked, socket, first) => {
      const { hostname, port } = new URL(node.url);
      const passed = connect({ host: hostname, port }, () => {
        const headers = Array.from({ length: asked.rawHeaders.length / 2 }, (_, at) => asked.rawHeaders.slice(2 * at, 2 * at + 2).join(": "));
        passed.write(`${asked.method} ${asked.url} HTTP/1.1\r\n${headers.join("\r\n")}\r\n\r\n`);
        passed.write(first);
        socket.pipe(passed).pipe(socket);
      });
      for (const [one, other] of [[socket, passed], [passed, socket]]) one.on("error", () => other.destroy()).on("close", () => other.destroy());
      site.#sockets.add(socket);
      socket.once("close", () => site.#sockets.delete(socket));
    });
    return site;
  }

  // The requests for a path, whatever its query.
  of(path) {
    return this.requests.filter(({ url }) => url.split("?")[0] === path);
  }

  stop() {
    this.#server.closeAllConnections();
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}
