/** Instances of warm pools: what they answer before, while and after they become a function. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buildGoHandler, buildGoPool, codeLayer, removeGoHandler, RUNTIME_NAMES, RuntimeProcess, type Reply, type RuntimeName } from './runtime-process.ts';

const SPECIALIZE = '/.fnplane/specialize';
const FACTS = { FNPLANE_TENANT: 'shop', FNPLANE_FUNCTION: 'orders', FNPLANE_REVISION: '3', FNPLANE_HANDLER: 'handler.handle', FNPLANE_TIMEOUT_MS: '30000', FNPLANE_CONCURRENCY: '0' };

beforeAll(() => {
  buildGoHandler();
  buildGoPool();
}, 300_000);
afterAll(removeGoHandler);

const running: RuntimeProcess[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
});

const newToken = (): string => randomBytes(32).toString('base64url');

async function pooled(name: RuntimeName, token: string): Promise<RuntimeProcess> {
  const runtime = await RuntimeProcess.startPooled(name, token);
  running.push(runtime);
  return runtime;
}

interface Order {
  facts?: Record<string, string>;
  environment?: Record<string, string>;
  secretFiles?: Record<string, string>;
  layer: Buffer;
}

function frame({ facts = {}, environment = {}, secretFiles = {}, layer }: Order): Buffer {
  const files = Object.fromEntries(Object.entries(secretFiles).map(([path, text]) => [path, Buffer.from(text).toString('base64')]));
  const head = Buffer.from(JSON.stringify({ facts: { ...FACTS, ...facts }, environment, secretFiles: files }));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(head.length);
  return Buffer.concat([length, head, layer]);
}

function specialize(runtime: RuntimeProcess, token: string, body: Buffer): Promise<Reply> {
  return runtime.ask({ method: 'POST', path: SPECIALIZE, headers: { authorization: `Bearer ${token}` }, body });
}

/** A layer with these files below `function/`. */
function layerOf(files: Record<string, string>): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'fnplane-layer-'));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, 'function', path)), { recursive: true });
      writeFileSync(join(folder, 'function', path), text, { mode: 0o755 });
    }
    return execFileSync('tar', ['-c', '--format=pax', '-C', folder, 'function']);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const errorType = (reply: Reply): unknown[] => [reply.status, (reply.json() as { error: { type: string } }).error.type];

describe.each(RUNTIME_NAMES)('%s runtime in a warm pool', (name) => {
  it('is healthy and serves nothing else until it is specialized', async () => {
    const runtime = await pooled(name, newToken());
    expect((await runtime.ask({ method: 'GET', path: '/healthz' })).status).toBe(200);
    for (const path of ['/', '/metrics', '/echo']) expect(errorType(await runtime.ask({ path }))).toEqual([503, 'NotSpecialized']);
    expect((await runtime.ask({ method: 'GET', path: SPECIALIZE })).status).toBe(503);
  });

  it('becomes the function, with its environment, its secret files and counters of its own', async () => {
    const token = newToken();
    const runtime = await pooled(name, token);
    const order = frame({ environment: { GREETING: 'hello' }, secretFiles: { 'db/PASSWORD': 'geheim ü' }, layer: codeLayer(name) });
    const reply = await specialize(runtime, token, order);
    expect([reply.status, reply.json()]).toEqual([200, { function: 'orders@3' }]);
    const answer = await runtime.ask({ path: '/environment' });
    expect([answer.json(), answer.headers['x-fnplane-served-by']]).toEqual([{ greeting: 'hello' }, 'orders@3']);
    expect((await runtime.askJson('/context', {})).json()).toMatchObject({ function: 'orders', revision: 3, tenant: 'shop' });
    expect(runtime.secretFile('db/PASSWORD')).toBe('geheim ü');
    const metrics = await runtime.metrics();
    expect(metrics).toMatchObject({ function_invocations_total: 2, 'http_requests_total{status="200"}': 2, function_in_flight: 0 });
    expect(Object.keys(metrics).filter((key) => key.startsWith('function_instance_info'))).toHaveLength(1);
    runtime.terminate();
    expect((await runtime.exited).code).toBe(0);
    expect(JSON.parse(runtime.terminationMessage())).toMatchObject({ fnplane: 1, totals: { invocations: 2 } });
  });

  it('keeps its function\'s timeout and concurrency', async () => {
    const token = newToken();
    const runtime = await pooled(name, token);
    await specialize(runtime, token, frame({ facts: { FNPLANE_TIMEOUT_MS: '150', FNPLANE_CONCURRENCY: '1' }, layer: codeLayer(name) }));
    expect((await runtime.ask({ path: '/sleep?ms=3000' })).status).toBe(504);
  });

  it('is specialized once only, and only with its token', async () => {
    const token = newToken();
    const runtime = await pooled(name, token);
    const order = frame({ layer: codeLayer(name) });
    // Small: who is refused is not read to the end.
    const small = frame({ layer: Buffer.alloc(1024) });
    for (const wrong of ['', 'x', newToken(), `${token}x`]) expect(errorType(await specialize(runtime, wrong, small))).toEqual([401, 'Unauthorized']);
    expect((await runtime.ask({ method: 'POST', path: SPECIALIZE, body: small })).status).toBe(401);
    expect((await specialize(runtime, token, order)).status).toBe(200);
    expect(errorType(await specialize(runtime, token, small))).toEqual([409, 'AlreadySpecialized']);
    expect((await runtime.ask({ path: '/number' })).json()).toBe(42);
  });

  it('shows no token to its function', async () => {
    const token = newToken();
    const runtime = await pooled(name, token);
    await specialize(runtime, token, frame({ layer: codeLayer(name) }));
    expect((await runtime.ask({ path: '/pool-environment' })).json()).toEqual({ pool: null });
  });

  it('lets requests wait that come while the function is being loaded', async () => {
    const token = newToken();
    const runtime = await pooled(name, token);
    const [first, second] = [specialize(runtime, token, frame({ layer: codeLayer(name) })), runtime.ask({ method: 'GET', path: '/healthz' })];
    expect([(await first).status, (await second).status]).toEqual([200, 200]);
  });

  it('ends when what it is given is cut off', async () => {
    const token = newToken();
    const runtime = await pooled(name, token);
    const reply = await specialize(runtime, token, frame({ layer: codeLayer(name) }).subarray(0, 40));
    expect(errorType(reply)).toEqual([422, 'StartupFailed']);
    expect((await runtime.exited).code).toBe(1);
    expect(runtime.stderr).toMatch(/cut off/);
    expect(runtime.terminationMessage()).toBe('');
  });

  it('writes nothing outside of its folders', async () => {
    const token = newToken();
    const runtime = await pooled(name, token);
    const reply = await specialize(runtime, token, frame({ secretFiles: { '../escaped': 'x' }, layer: codeLayer(name) }));
    expect(errorType(reply)).toEqual([422, 'StartupFailed']);
    expect((await runtime.exited).code).toBe(1);
    expect(() => runtime.secretFile('../escaped')).toThrow('ENOENT');
  });

  it('refuses a body beyond its bound before reading it', async () => {
    const token = newToken();
    const runtime = await pooled(name, token);
    const reply = await runtime.ask({ method: 'POST', path: SPECIALIZE, headers: { authorization: `Bearer ${token}`, 'content-length': String(200 << 20) }, agent: undefined, chunks: [] })
      .catch((error: Error) => error);
    expect(reply).toMatchObject({ status: 413 });
  });

  it('ends at once when it is stopped while it waits', async () => {
    const runtime = await pooled(name, newToken());
    runtime.terminate();
    expect(await runtime.exited).toMatchObject({ code: 0 });
  });
});

const BROKEN = {
  python: { 'handler.py': 'def handle(event, context):\n    return (\n' },
  node: { 'handler.mjs': 'export function handle( {\n' },
} as const;

it.each(['python', 'node'] as const)('%s: code that cannot be loaded is told in the words of a normal start', async (name) => {
  const token = newToken();
  const runtime = await pooled(name, token);
  const reply = await specialize(runtime, token, frame({ layer: layerOf(BROKEN[name]) }));
  expect(errorType(reply)).toEqual([422, 'StartupFailed']);
  const { message } = (reply.json() as { error: { message: string } }).error;
  expect(message).toMatch(/^SyntaxError in handler\.m?[pj][ys] line \d/);
  expect((await runtime.exited).code).toBe(1);
  expect(runtime.stderr).toContain(message);
});

it('go: a binary that cannot be executed is told, and the instance ends', async () => {
  const token = newToken();
  const runtime = await pooled('go', token);
  const reply = await specialize(runtime, token, frame({ layer: layerOf({ handler: 'no binary' }) }));
  expect(errorType(reply)).toEqual([422, 'StartupFailed']);
  expect((await runtime.exited).code).toBe(1);
  expect(runtime.stderr).toMatch(/exec format error/);
});

it('python: own files go before modules that only the pool has loaded', async () => {
  const token = newToken();
  const runtime = await pooled('python', token);
  const files = { 'handler.py': 'import tarfile\ndef handle(event, context):\n    return tarfile.mine\n', 'tarfile.py': 'mine = "own"\n' };
  expect((await specialize(runtime, token, frame({ layer: layerOf(files) }))).status).toBe(200);
  expect((await runtime.ask({ path: '/' })).json()).toBe('own');
});
