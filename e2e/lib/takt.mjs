/** The real `takt` binary on SQLite in a temporary folder: started, waited for, stopped, killed. */
import { spawn } from 'node:child_process';
import { createWriteStream, existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from './wait.mjs';

const BINARY = process.env.TAKT_BIN ? resolve(process.env.TAKT_BIN) : fileURLToPath(new URL('../../target/debug/takt', import.meta.url));
/** A debug build on a busy machine is slow to start. */
const READY_MS_MAX = 60_000;
const LOG_CHARS_SHOWN = 4000;

/** Many tests share one address here, and none of them is about limits. */
const LIFTED = {
  TAKT_LIMITS__SIGN_IN_PER_HANDLE_PER_MINUTE: '0',
  TAKT_LIMITS__SIGN_IN_PER_MINUTE: '0',
  TAKT_LIMITS__SIGN_UP_PER_MINUTE: '0',
  TAKT_LIMITS__VIEWERS_PER_MINUTE: '0',
};

export class Takt {
  /** `http://127.0.0.1:PORT`, without a slash at the end. The port stays the same over restarts. */
  url = '';
  dir = '';
  /** @type {import('node:child_process').ChildProcess | null} */
  #process = null;
  #port = 0;

  /** Starts a server on an empty folder. */
  static async start() {
    if (!existsSync(BINARY)) throw new Error(`${BINARY} is not there: build it with cargo build -p takt, or set TAKT_BIN`);
    const takt = new Takt();
    takt.dir = await mkdtemp(join(tmpdir(), 'takt-e2e-'));
    takt.#port = await freePort();
    takt.url = `http://127.0.0.1:${takt.#port}`;
    await takt.resume();
    return takt;
  }

  /** Starts the server on the folder it had. */
  async resume() {
    const log = createWriteStream(this.#log, { flags: 'a' });
    const child = spawn(BINARY, ['serve', '--data', join(this.dir, 'data'), '--listen', `127.0.0.1:${this.#port}`], {
      cwd: this.dir,
      env: { ...process.env, ...LIFTED },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    child.on('error', (error) => log.write(`${error}\n`));
    this.#process = child;
    const ready = () => {
      if (child.exitCode !== null) return 'ended';
      return fetch(`${this.url}/readyz`).then((answer) => answer.ok && 'ready');
    };
    const state = await until('a ready server', ready, READY_MS_MAX).catch(() => 'late');
    if (state !== 'ready') throw new Error(`the server is not ready (${state}); its log ends:\n${this.log()}`);
  }

  /** Stops the server at once, as a power cut would. */
  async kill() {
    await this.#end('SIGKILL');
  }

  /** Stops the server as an operator would and deletes its folder. */
  async close() {
    const code = await this.#end('SIGTERM');
    if (code !== 0 && code !== null) throw new Error(`the server ended with ${code}; its log ends:\n${this.log()}`);
    await rm(this.dir, { recursive: true, force: true });
  }

  /** The end of what the server said. */
  log() {
    return readFileSync(this.#log, 'utf8').slice(-LOG_CHARS_SHOWN);
  }

  get #log() {
    return join(this.dir, 'takt.log');
  }

  /** @param {NodeJS.Signals} signal */
  async #end(signal) {
    const child = this.#process;
    this.#process = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const ended = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
    child.kill(signal);
    return ended;
  }
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}
