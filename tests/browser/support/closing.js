// A server in front of a node that can close its viewers' WebSockets with any code, as the node itself would, and that does
// not answer what it `ignores`.

import { once } from "node:events";
import { createServer, request as ask } from "node:http";
import { connect } from "node:net";

export class ClosingFront {
  ignores = () => false;
  #node;
  #server;
  #sockets = new Set();
  #waiting = [];

  static async start(node) {
    const front = new ClosingFront();
    front.#node = new URL(node.url);
    front.#server = createServer((request, response) => front.#pass(request, response));
    front.#server.on("upgrade", (request, socket) => front.#upgrade(request, socket));
    await once(front.#server.listen(0, "127.0.0.1"), "listening");
    front.url = `http://127.0.0.1:${front.#server.address().port}`;
    return front;
  }

  // The node takes requests for its own host only.
  #headers(headers) {
    return { ...headers, host: this.#node.host, ...(headers.origin && { origin: this.#node.origin }) };
  }

  #pass(request, response) {
    if (this.ignores(request.url)) return response.destroy();
    const { hostname, port } = this.#node;
    const headers = this.#headers(request.headers);
    const sent = ask({ hostname, port, method: request.method, path: request.url, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    sent.on("error", () => response.destroy());
    request.pipe(sent);
  }

  #upgrade(request, socket) {
    const back = connect(Number(this.#node.port), this.#node.hostname, () => {
      const headers = Object.entries(this.#headers(request.headers)).map(([name, value]) => `${name}: ${value}\r\n`);
      back.write(`GET ${request.url} HTTP/1.1\r\n${headers.join("")}\r\n`);
      socket.pipe(back);
      back.pipe(socket);
    });
    for (const end of [socket, back]) end.on("error", () => { socket.destroy(); back.destroy(); });
    back.once("data", () => {
      this.#sockets.add({ socket, back });
      this.#waiting.splice(0).forEach((resolve) => resolve());
    });
  }

  // Resolves when the next viewer is connected.
  next() {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  // Closes all connected viewers with this code and reason (RFC 6455, 5.5.1).
  close(code, reason) {
    const body = Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]);
    for (const { socket, back } of this.#sockets) {
      back.unpipe(socket);
      back.destroy();
      socket.end(Buffer.concat([Buffer.from([0x88, body.length]), body]));
    }
    this.#sockets.clear();
  }

  stop() {
    this.#server.closeAllConnections();
    this.#server.close();
    for (const { socket, back } of this.#sockets) [socket, back].forEach((end) => end.destroy());
  }
}
