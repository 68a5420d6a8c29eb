/** Starts the three function servers as local processes and talks HTTP to them. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const RUNTIMES = join(HERE, '..');
const START_MS = 15_000;

export type RuntimeName = 'python' | 'node' | 'go';
export const RUNTIME_NAMES: RuntimeName[] = ['python', 'node', 'go'];

/** Folder of the handler all three are tested with, and what names it. */
const CODE: Record<RuntimeName, { folder: string; handler: string }> = {
  python: { folder: join(HERE, 'python'), handler: 'handler.handle' },
  node: { folder: join(HERE, 'node'), handler: 'handler.handle' },
  go: { folder: join(HERE, 'go'), handler: '' },
};

let goBinary: string | undefined;
let goPoolBinary: string | undefined;

/** What a handler folder holds, as an image layer would: a plain tar of `function/...`. For Go the binary alone. */
export function codeLayer(name: RuntimeName): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'fnplane-layer-'));
  try {
    const target = join(folder, 'function');
    if (name === 'go') cpSync(goBinary ?? '', join(target, 'handler'));
    else cpSync(CODE[name].folder, target, { recursive: true, filter: (path) => !path.includes('__pycache__') });
    return execFileSync('tar', ['-c', '--owner=0', '--group=0', '--mode=u=rwX,go=rX', '--format=pax', '-C', folder, 'function'], { maxBuffer: 64 << 20 });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Compiles a main package of the module in `source`; gives the binary, alone in a folder of its own. */
export function compileGo(source: string, mainPackage: string): string {
  const binary = join(mkdtempSync(join(tmpdir(), 'fnplane-go-')), 'handler');
  execFileSync('go', ['build', '-trimpath', '-o', binary, mainPackage], {
    cwd: source,
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=mod', GOWORK: 'off', GOTOOLCHAIN: 'local' },
    timeout: 180_000,
  });
  return binary;
}

/** Compiles the Go handler once for a test file; `removeGoHandler` takes it away again. */
export function buildGoHandler(): void {
  goBinary = compileGo(CODE.go.folder, './main');
}

/** Compiles what waits in a warm pool in place of a Go function; `removeGoHandler` takes it away again. */
export function buildGoPool(): void {
  goPoolBinary = compileGo(join(RUNTIMES, 'go'), './pool');
}

export function removeGoHandler(): void {
  for (const binary of [goBinary, goPoolBinary]) if (binary) rmSync(dirname(binary), { recursive: true, force: true });
}

function command(name: RuntimeName, binary: string | undefined): [string, string[]] {
  if (name === 'python') {
    const python = existsSync('/usr/bin/python3.11') ? '/usr/bin/python3.11' : 'python3';
    return [python, ['-I', '-S', '-B', join(RUNTIMES, 'python/start.py')]];
  }
  if (name === 'node') {
    return [process.execPath, ['--disable-warning=MODULE_TYPELESS_PACKAGE_JSON', '--disable-warning=ExperimentalWarning', join(RUNTIMES, 'node/start.ts')]];
  }
  if (!binary) throw new Error('buildGoHandler was not called');
  return [binary, []];
}

export interface Exit {
  code: number | null;
  /** From start to end. */
  ms: number;
}

export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  json(): unknown;
}

export interface Ask {
  method?: string;
  path?: string;
  headers?: Record<string, string | string[]>;
  body?: string | Buffer;
  /** Sends the body in these pieces, chunked. */
  chunks?: string[];
  /** Uses this connection pool instead of a connection of its own. */
  agent?: Agent;
  signal?: AbortSignal;
}

export class RuntimeProcess {
  readonly terminationLog: string;
  readonly exited: Promise<Exit>;
  port = 0;
  stdout = '';
  stderr = '';
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #changes = new Set<() => void>();
  #exit: Exit | undefined;

  /** `binary`: another Go function than the one of the conformance suite. */
  constructor(name: RuntimeName, env: Record<string, string> = {}, binary = goBinary, emptyFolders = false) {
    this.#folder = mkdtempSync(join(tmpdir(), 'fnplane-runtime-'));
    this.terminationLog = join(this.#folder, 'termination-log');
    writeFileSync(this.terminationLog, '');
    for (const folder of ['function', 'secrets']) mkdirSync(join(this.#folder, folder));
    const [program, args] = command(name, binary);
    const started = performance.now();
    this.#child = spawn(program, args, {
      cwd: this.#folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'] ?? '',
        PORT: '0',
        FNPLANE_HOST: '127.0.0.1',
        FNPLANE_TENANT: 'shop',
        FNPLANE_FUNCTION: 'conformance',
        FNPLANE_REVISION: '7',
        FNPLANE_HANDLER: CODE[name].handler,
        FNPLANE_CODE_FOLDER: CODE[name].folder,
        FNPLANE_TERMINATION_LOG: this.terminationLog,
        FNPLANE_SECRETS_FOLDER: join(this.#folder, 'secrets'),
        ...(emptyFolders ? { FNPLANE_CODE_FOLDER: join(this.#folder, 'function') } : {}),
        ...env,
      },
    });
    this.#child.stdout?.on('data', (chunk: Buffer) => this.#changed(() => (this.stdout += chunk.toString())));
    this.#child.stderr?.on('data', (chunk: Buffer) => this.#changed(() => (this.stderr += chunk.toString())));
    this.exited = new Promise((resolve) => {
      this.#child.on('close', (code) => {
        const exit = { code, ms: performance.now() - started };
        this.#changed(() => (this.#exit = exit));
        resolve(exit);
      });
    });
  }

  /** Starts one and waits until it says on which port it serves. */
  static async start(name: RuntimeName, env: Record<string, string> = {}, binary = goBinary): Promise<RuntimeProcess> {
    return new RuntimeProcess(name, env, binary).listening('serving');
  }

  /** Starts an instance of a warm pool, with empty folders for code and secrets, and waits until it is ready. */
  static async startPooled(name: RuntimeName, token: string): Promise<RuntimeProcess> {
    const env = { FNPLANE_POOL: '1', FNPLANE_POOL_TOKEN: token, FNPLANE_FUNCTION: '', FNPLANE_REVISION: '', FNPLANE_HANDLER: '', FNPLANE_TENANT: '' };
    return new RuntimeProcess(name, env, goPoolBinary, true).listening('ready in the pool');
  }

  private async listening(message: string): Promise<this> {
    await this.until(() => new RegExp(`"message":\\s?"${message}"`).test(this.stderr), `the runtime says "${message}"`);
    this.port = Number(/"port":\s?(\d+)/.exec(this.stderr)?.[1]);
    return this;
  }

  #changed(change: () => void): void {
    change();
    for (const look of [...this.#changes]) look();
  }

  /** Waits for a condition on what the process printed; fails after 15 s or when the process ends without it. */
  until(holds: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => end(new Error(`waited in vain until ${what}:\n${this.stderr}`)), START_MS);
      const end = (error?: Error): void => {
        clearTimeout(timer);
        this.#changes.delete(look);
        if (error) reject(error);
        else resolve();
      };
      const look = (): void => {
        if (holds()) end();
        else if (this.#exit) end(new Error(`the process ended before ${what}:\n${this.stderr}`));
      };
      this.#changes.add(look);
      look();
    });
  }

  /** Text of a secret file the runtime was given. */
  secretFile(path: string): string {
    return readFileSync(join(this.#folder, 'secrets', path), 'utf8');
  }

  terminate(): void {
    this.#child.kill('SIGTERM');
  }

  terminationMessage(): string {
    return readFileSync(this.terminationLog, 'utf8');
  }

  /** Ends the process, by force if it must, and removes its folder. */
  async stop(): Promise<void> {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 3000);
    if (!this.#exit) this.#child.kill('SIGTERM');
    await this.exited;
    clearTimeout(timer);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  ask(ask: Ask = {}): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const headers = { ...ask.headers };
      if (ask.body !== undefined) headers['content-length'] ??= String(Buffer.byteLength(ask.body));
      const outgoing = request(
        {
          host: '127.0.0.1', port: this.port, method: ask.method ?? 'POST', path: ask.path ?? '/', headers, agent: ask.agent ?? false,
          ...(ask.signal ? { signal: ask.signal } : {}),
        },
        (incoming) => {
          const parts: Buffer[] = [];
          incoming.on('data', (part: Buffer) => parts.push(part));
          incoming.on('error', reject);
          incoming.on('end', () => {
            const body = Buffer.concat(parts);
            resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body, json: () => JSON.parse(body.toString()) as unknown });
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.setTimeout(30_000, () => outgoing.destroy(new Error('no answer within 30 s')));
      for (const chunk of ask.chunks ?? []) outgoing.write(chunk);
      outgoing.end(ask.body);
    });
  }

  askJson(path: string, value: unknown, headers: Record<string, string> = {}): Promise<Reply> {
    return this.ask({ path, body: JSON.stringify(value), headers: { 'content-type': 'application/json', ...headers } });
  }

  /** Samples of `/metrics` by name, labels included. */
  async metrics(): Promise<Record<string, number>> {
    const text = (await this.ask({ method: 'GET', path: '/metrics' })).body.toString();
    const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return Object.fromEntries(samples.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]));
  }
}
