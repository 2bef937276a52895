/** A TCP relay in front of a server that lets a number of bytes through and then holds the line, until it is cut. */
import { connect, createServer } from 'node:net';

export class Gate {
  /** `http://127.0.0.1:PORT` of this side. */
  url = '';
  /** Whether the allowance is used up and a client is kept waiting. */
  held = false;
  #server;
  #sockets = new Set();
  #left;

  /**
   * @param {string} target address of the server
   * @param {number} bytes from clients that pass
   */
  static async open(target, bytes) {
    const gate = new Gate();
    gate.#left = Math.floor(bytes);
    const { hostname, port } = new URL(target);
    gate.#server = createServer((client) => gate.#relay(client, connect(Number(port), hostname)));
    await new Promise((resolve) => gate.#server.listen(0, '127.0.0.1', resolve));
    gate.url = `http://127.0.0.1:${gate.#server.address().port}`;
    return gate;
  }

  /** Breaks every connection off and takes no more. */
  cut() {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #relay(client, server) {
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => this.#sockets.delete(socket));
    }
    server.pipe(client);
    client.on('data', (data) => {
      if (this.held) return;
      const passed = data.subarray(0, this.#left);
      this.#left -= passed.length;
      server.write(passed);
      if (this.#left > 0) return;
      this.held = true;
      client.pause();
    });
    client.on('end', () => server.end());
  }
}
