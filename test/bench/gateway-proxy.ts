/**
 * What the gateway costs beside a bare proxy: `node:http` + undici `Pool.dispatch` with nothing else, in front of the same
 * backend. Backend, bare proxy and gateway run in processes of their own on loopback; rounds are interleaved.
 *
 *   node test/bench/gateway-proxy.ts [--json] [--rounds 15] [--seconds 0.6] [--connections 32] [--profile FOLDER]
 */
import { fork, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { availableParallelism, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Pool } from 'undici';

const SELF = fileURLToPath(import.meta.url);
const ROOT = resolve(dirname(SELF), '../..');
const COMPILED = join(ROOT, 'node_modules/.cache/fnplane-bench-gateway');
const TENANT_ID = '7b0c3f8e-0000-4000-8000-000000000001';
const ANSWER = JSON.stringify({ message: 'hello' });
const BODY = JSON.stringify({ order: 'x'.repeat(1000) });

// ---------------------------------------------------------------------------------------------- processes under test

async function runBackend(): Promise<number> {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': ANSWER.length });
    response.end(ANSWER);
  });
  return listen(server);
}

/** The reference: passes everything on, knows nothing. */
async function runBareProxy(backend: number): Promise<number> {
  const pool = new Pool(`http://127.0.0.1:${backend}`, { connections: 256, pipelining: 1 });
  return listen(createServer((request, response) => {
    const hasBody = request.method !== 'GET' && request.method !== 'HEAD';
    pool.dispatch({ path: request.url!, method: request.method!, headers: withoutConnection(request.rawHeaders), body: hasBody ? request : null }, bareHandler(response));
  }));
}

function withoutConnection(raw: string[]): string[] {
  const headers: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    if (name !== 'connection' && name !== 'keep-alive' && name !== 'transfer-encoding') headers.push(raw[i]!, raw[i + 1]!);
  }
  return headers;
}

function bareHandler(response: ServerResponse): object {
  return {
    onRequestStart(): void {},
    onResponseStart(_controller: unknown, status: number, headers: Record<string, string>): void {
      delete headers.connection;
      delete headers['keep-alive'];
      response.writeHead(status, headers);
    },
    onResponseData(controller: { pause(): void; resume(): void }, chunk: Buffer): void {
      if (response.write(chunk)) return;
      controller.pause();
      response.once('drain', () => controller.resume());
    },
    onResponseEnd(): void {
      response.end();
    },
    onResponseError(): void {
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end();
    },
  };
}

async function runGateway(backend: number, apiKey: string): Promise<number> {
  const load = async (path: string): Promise<Record<string, new (...args: never[]) => never>> => import(pathToFileURL(join(COMPILED, path)).href);
  const { Gateway } = await load('gateway/gateway.js') as unknown as typeof import('../../src/gateway/gateway.js');
  const { InternalTokenVerifier } = await load('platform/invocation/internal-token-verifier.js') as unknown as typeof import('../../src/platform/invocation/internal-token-verifier.js');
  const { registry } = await load('platform/observability/metrics.js') as unknown as typeof import('../../src/platform/observability/metrics.js');
  const gateway = new Gateway({
    listen: { host: '127.0.0.1', port: 0 }, podNetwork: 'direct', registry, source: staticSource(backend, apiKey),
    tokenVerifier: { verify: () => Promise.reject(new Error('no tokens here')) },
    internalTokens: new InternalTokenVerifier(randomBytes(32).toString('hex')),
  });
  await gateway.start();
  return Number(new URL(gateway.address).port);
}

function staticSource(backend: number, apiKey: string): import('../../src/gateway/routing/route-table.js').RouteSource {
  const namespace = `fnp-${TENANT_ID.replaceAll('-', '')}`;
  const revision = {
    number: 1, runtime: 'node', image: 'registry.test/x@sha256:0', handler: 'handler.handle', metering: 'gateway', timeoutSeconds: 30, concurrency: 0,
    resources: { cpuMillis: 100, memoryMb: 128, ephemeralStorageMb: 64 },
  } as const;
  return {
    synced: true,
    start: async (sink) => {
      sink.upsertAccess({
        tenantId: TENANT_ID, tenant: 'acme', members: [], rateLimit: { perSecond: 1e9, burst: 1e9 },
        keys: [{ id: apiKey.slice(4, 16), hash: createHash('sha256').update(apiKey).digest('base64url'), expiresAt: null }],
      });
      sink.upsertFunction({
        apiVersion: 'fnplane.dev/v1', kind: 'Function', metadata: { name: 'hello', namespace, creationTimestamp: '2026-01-01T00:00:00Z' },
        spec: {
          tenant: 'acme', tenantId: TENANT_ID, functionId: 'f1', platformGeneration: 1, target: 1, revisions: [revision], scaling: { min: 1, max: 1 },
          authentication: 'required', suspension: 'none',
        },
        status: { servingRevision: 1 },
      });
      sink.upsertSlice({
        metadata: { name: 'hello-1', namespace, labels: { 'kubernetes.io/service-name': 'hello' } },
        endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true }, targetRef: { name: 'hello-r00001-a-b', uid: 'u1' } }], ports: [{ port: backend }],
      });
    },
    stop: async () => undefined,
  };
}

function listen(server: import('node:http').Server<typeof IncomingMessage, typeof ServerResponse>): Promise<number> {
  return new Promise((done) => server.listen(0, '127.0.0.1', () => done((server.address() as AddressInfo).port)));
}

/** A child answers `cpu` with its CPU time and memory, and ends when its parent goes. */
async function runChild(role: string, ...rest: string[]): Promise<void> {
  const port = role === 'backend' ? await runBackend() : role === 'bare' ? await runBareProxy(Number(rest[0])) : await runGateway(Number(rest[0]), rest[1]!);
  process.on('message', () => process.send!({ cpu: process.cpuUsage(), rss: process.memoryUsage.rss() }));
  process.on('disconnect', () => process.exit(0));
  process.send!({ port });
}

// ---------------------------------------------------------------------------------------------------- load generator

interface Load {
  requests: number;
  seconds: number;
  latenciesMs: number[];
}

/** One kept-alive connection that sends the same request again as soon as the answer is complete. */
function runConnection(port: number, message: Buffer, until: () => boolean, onAnswer: (ms: number) => void): Promise<void> {
  return new Promise((done, fail) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let pending = Buffer.alloc(0);
    let sentAt = 0;
    const send = (): void => {
      sentAt = performance.now();
      socket.write(message);
    };
    socket.on('connect', send).on('error', fail);
    socket.on('data', (chunk) => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      const size = answerSize(pending);
      if (size === undefined || pending.length < size) return;
      pending = Buffer.alloc(0);
      onAnswer(performance.now() - sentAt);
      if (until()) send();
      else socket.end(done);
    });
  });
}

/** Length of header and body once the header is complete. Anything but 200 with a length ends the benchmark. */
function answerSize(data: Buffer): number | undefined {
  const end = data.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const head = data.toString('latin1', 0, end);
  const length = /content-length: (\d+)/i.exec(head)?.[1];
  if (!head.startsWith('HTTP/1.1 200') || length === undefined) throw new Error(`unexpected answer: ${head}`);
  return end + 4 + Number(length);
}

async function generate(port: number, message: Buffer, connections: number, seconds: number): Promise<Load> {
  const latenciesMs: number[] = [];
  const startedAt = performance.now();
  const end = startedAt + seconds * 1000;
  const more = (): boolean => performance.now() < end;
  await Promise.all(Array.from({ length: connections }, () => runConnection(port, message, more, (ms) => latenciesMs.push(ms))));
  return { requests: latenciesMs.length, seconds: (performance.now() - startedAt) / 1000, latenciesMs };
}

function message(method: string, path: string, apiKey: string, body: string): Buffer {
  const content = method === 'POST' ? `content-type: application/json\r\ncontent-length: ${body.length}\r\n` : '';
  return Buffer.from(`${method} ${path} HTTP/1.1\r\nhost: gateway.test\r\nauthorization: Bearer ${apiKey}\r\naccept: */*\r\nuser-agent: bench\r\n${content}\r\n${method === 'POST' ? body : ''}`);
}

// ------------------------------------------------------------------------------------------------------------- driver

interface Child {
  process: ChildProcess;
  port: number;
}

function startChild(role: string, args: string[], profile?: string): Promise<Child> {
  const child = fork(SELF, ['--child', role, ...args], { execArgv: profile ? ['--cpu-prof', '--cpu-prof-dir', profile] : [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  return new Promise((done, fail) => {
    child.once('message', (sent) => done({ process: child, port: (sent as { port: number }).port }));
    child.once('exit', (code) => fail(new Error(`${role} ended with ${code}`)));
  });
}

function usage(child: Child): Promise<{ cpu: NodeJS.CpuUsage; rss: number }> {
  return new Promise((done) => {
    child.process.once('message', (sent) => done(sent as { cpu: NodeJS.CpuUsage; rss: number }));
    child.process.send('cpu');
  });
}

interface Sample {
  rps: number;
  cpuMicros: number;
  p50: number;
  p99: number;
}

async function measure(child: Child, sent: Buffer, connections: number, seconds: number): Promise<Sample> {
  const before = (await usage(child)).cpu;
  const load = await generate(child.port, sent, connections, seconds);
  const after = (await usage(child)).cpu;
  const sorted = load.latenciesMs.sort((a, b) => a - b);
  return {
    rps: load.requests / load.seconds,
    cpuMicros: (after.user + after.system - before.user - before.system) / load.requests,
    p50: sorted[Math.floor(sorted.length * 0.5)]!, p99: sorted[Math.floor(sorted.length * 0.99)]!,
  };
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Share of CPU time that neighbours took, over the benchmark. */
function stealReader(): () => number {
  const read = (): number[] => (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '').split(/\s+/).slice(1, 9).map(Number);
  const before = read();
  return () => {
    const delta = read().map((value, i) => value - before[i]!);
    return delta[7]! / delta.reduce((sum, value) => sum + value, 0);
  };
}

/** Compiles the gateway and what it needs from the present sources, as the build does. */
async function compile(): Promise<void> {
  const { transformFileSync } = await import('@swc/core');
  const options = JSON.parse(readFileSync(join(ROOT, '.swcrc'), 'utf8')) as object;
  rmSync(COMPILED, { recursive: true, force: true });
  const source = join(ROOT, 'src');
  for (const entry of readdirSync(source, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    const relative = file.slice(source.length + 1);
    if (!entry.isFile() || !/^(gateway|contract|platform)\//.test(relative) || !relative.endsWith('.ts') || relative.endsWith('.spec.ts')) continue;
    const target = join(COMPILED, relative.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, transformFileSync(file, { ...options, swcrc: false, sourceMaps: false }).code);
  }
}

interface Result {
  name: string;
  figure: number;
  unit: string;
  relativeTo?: string;
  bound?: { op: '<=' | '>='; value: number };
  pass?: boolean;
}

function result(name: string, figure: number, unit: string, relativeTo?: string, bound?: Result['bound']): Result {
  const pass = bound && (bound.op === '>=' ? figure >= bound.value : figure <= bound.value);
  return { name, figure: Number(figure.toFixed(3)), unit, ...(relativeTo ? { relativeTo } : {}), ...(bound ? { bound, pass } : {}) };
}

type Target = 'backend' | 'bare' | 'gateway';

async function runCase(method: string, children: Record<Target, Child>, apiKey: string, values: { rounds: number; seconds: number; connections: number }): Promise<Result[]> {
  const samples: Record<Target, Sample[]> = { backend: [], bare: [], gateway: [] };
  const alone: Record<Target, Sample[]> = { backend: [], bare: [], gateway: [] };
  const paths = { backend: '/', bare: '/', gateway: '/acme/hello/' };
  for (let round = -1; round < values.rounds; round++) {
    const order: Target[] = round % 2 ? ['gateway', 'bare', 'backend'] : ['bare', 'gateway', 'backend'];
    for (const name of order) {
      const sent = message(method, paths[name], apiKey, BODY);
      const sample = name === 'backend' ? undefined : await measure(children[name], sent, values.connections, values.seconds);
      const single = await measure(children[name], sent, 1, values.seconds / 3);
      if (round < 0) continue; // the first one warms up
      if (sample) samples[name].push(sample);
      alone[name].push(single);
    }
  }
  const of = (name: Target, pick: (sample: Sample) => number): number => median(samples[name].map(pick));
  const added = (name: Target, pick: (sample: Sample) => number): number => median(alone[name].map((sample, i) => pick(sample) - pick(alone.backend[i]!)));
  const ratio = median(samples.gateway.map((sample, i) => sample.rps / samples.bare[i]!.rps));
  return [
    result(`${method} requests/s, gateway over bare proxy`, ratio, 'ratio', 'bare node:http + undici Pool.dispatch proxy', { op: '>=', value: 0.7 }),
    result(`${method} CPU per request, gateway`, of('gateway', (s) => s.cpuMicros), 'us', undefined, { op: '<=', value: 150 }),
    result(`${method} CPU per request, bare proxy`, of('bare', (s) => s.cpuMicros), 'us'),
    result(`${method} requests/s, gateway`, of('gateway', (s) => s.rps), '1/s'),
    result(`${method} requests/s, bare proxy`, of('bare', (s) => s.rps), '1/s'),
    ...(['gateway', 'bare'] as const).flatMap((name) => [
      result(`${method} added p50, ${name}, one caller`, added(name, (s) => s.p50), 'ms', 'backend direct'),
      result(`${method} added p99, ${name}, one caller`, added(name, (s) => s.p99), 'ms', 'backend direct'),
    ]),
  ];
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: {
    json: { type: 'boolean', default: false }, rounds: { type: 'string', default: '15' }, seconds: { type: 'string', default: '0.6' },
    connections: { type: 'string', default: '32' }, profile: { type: 'string' }, methods: { type: 'string', default: 'GET,POST' },
  } });
  await compile();
  const steal = stealReader();
  const apiKey = `fnp_${randomBytes(6).toString('hex')}_${randomBytes(32).toString('base64url')}`;
  const backend = await startChild('backend', []);
  const bare = await startChild('bare', [String(backend.port)]);
  const gateway = await startChild('gateway', [String(backend.port), apiKey], values.profile);
  const children = { backend, bare, gateway };
  try {
    const settings = { rounds: Number(values.rounds), seconds: Number(values.seconds), connections: Number(values.connections) };
    const results: Result[] = [];
    for (const method of values.methods.split(',')) results.push(...await runCase(method, children, apiKey, settings));
    results.push(result('resident memory, gateway process', (await usage(gateway)).rss / 2 ** 20, 'MiB'), result('CPU stolen by neighbours', steal() * 100, '%'));
    const report = { suite: 'gateway-proxy', machine: { cores: availableParallelism(), memory: totalmem(), node: process.version }, results };
    if (values.json) console.log(JSON.stringify(report));
    else for (const { name, figure, unit, bound, pass } of results) console.log(`${name.padEnd(52)} ${String(figure).padStart(11)} ${unit.padEnd(6)}${bound ? ` ${bound.op} ${bound.value}  ${pass ? 'ok' : 'MISSED'}` : ''}`);
  } finally {
    for (const child of Object.values(children)) {
      child.process.removeAllListeners('exit');
      child.process.disconnect();
    }
  }
}

const [flag, role, ...rest] = process.argv.slice(2);
if (flag === '--child') await runChild(role!, ...rest);
else await main();
