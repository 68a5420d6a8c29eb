/** Time, slots, counters, start and end: the rest of the function contract against the three runtimes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildGoHandler, removeGoHandler, RUNTIME_NAMES, RuntimeProcess, type Reply, type RuntimeName } from './runtime-process.ts';

beforeAll(buildGoHandler, 200_000);
afterAll(removeGoHandler);

const running: RuntimeProcess[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
});

async function start(name: RuntimeName, env: Record<string, string> = {}): Promise<RuntimeProcess> {
  const runtime = await RuntimeProcess.start(name, env);
  running.push(runtime);
  return runtime;
}

/** Waits until the runtime has `count` requests at work; asks again every 10 ms for 10 s. */
async function inFlight(runtime: RuntimeProcess, count: number): Promise<void> {
  const end = Date.now() + 10_000;
  while ((await runtime.metrics())['function_in_flight'] !== count) {
    if (Date.now() > end) throw new Error(`never saw ${count} requests in flight`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function source(reply: Reply): unknown[] {
  return [reply.status, reply.headers['x-fnplane-error-source'], (reply.json() as { error: { type: string } }).error.type];
}

describe.each(RUNTIME_NAMES)('%s runtime', (name) => {
  describe('time', () => {
    it('answers 504 after the timeout and counts the run', async () => {
      const runtime = await start(name, { FNPLANE_TIMEOUT_MS: '150' });
      const begun = performance.now();
      const reply = await runtime.ask({ path: '/sleep?ms=3000' });
      expect(source(reply)).toEqual([504, 'handler', 'Timeout']);
      expect(performance.now() - begun).toBeLessThan(2500);
      const metrics = await runtime.metrics();
      expect(metrics).toMatchObject({ function_invocations_total: 1, 'http_requests_total{status="504"}': 1, function_in_flight: 0 });
      expect(metrics['function_billed_ms_total']).toBeGreaterThanOrEqual(150);
      expect(metrics['function_billed_ms_total']).toBeLessThan(2500);
    });

    it("answers 504 at the caller's deadline when that is sooner", async () => {
      const runtime = await start(name);
      const reply = await runtime.ask({ path: '/sleep?ms=2000', headers: { 'x-fnplane-deadline': String(Date.now() + 150) } });
      expect(source(reply)).toEqual([504, 'handler', 'Timeout']);
    });

    it('does not start what nobody waits for any more, nor bills it', async () => {
      const runtime = await start(name);
      const reply = await runtime.ask({ path: '/number', headers: { 'x-fnplane-deadline': String(Date.now() - 1) } });
      expect(source(reply)).toEqual([504, 'platform', 'Timeout']);
      expect(await runtime.metrics()).toMatchObject({ function_invocations_total: 0, function_billed_ms_total: 0 });
    });

    it('ignores a deadline that is no number', async () => {
      const runtime = await start(name);
      expect((await runtime.ask({ path: '/number', headers: { 'x-fnplane-deadline': 'soon' } })).status).toBe(200);
    });

    it('reports itself unhealthy while every slot is held beyond its deadline, and recovers', async () => {
      const runtime = await start(name, { FNPLANE_TIMEOUT_MS: '100', FNPLANE_CONCURRENCY: '1' });
      await runtime.ask({ path: '/sleep?ms=700&deaf=1' });
      expect((await runtime.ask({ method: 'GET', path: '/healthz' })).status).toBe(503);
      expect(source(await runtime.ask({ path: '/number' }))).toEqual([504, 'platform', 'Timeout']);
      const end = Date.now() + 5000;
      while ((await runtime.ask({ path: '/number' })).status !== 200) expect(Date.now()).toBeLessThan(end);
      expect((await runtime.ask({ method: 'GET', path: '/healthz' })).status).toBe(200);
    });
  });

  describe('slots', () => {
    it('runs no more at once than it may, in the order of arrival', async () => {
      const runtime = await start(name, { FNPLANE_CONCURRENCY: '2' });
      const begun = performance.now();
      const replies = await Promise.all(Array.from({ length: 6 }, () => runtime.ask({ path: '/sleep?ms=300' })));
      expect(replies.map((reply) => reply.status)).toEqual(new Array(6).fill(200));
      expect(performance.now() - begun).toBeGreaterThanOrEqual(895);
      const metrics = await runtime.metrics();
      // Waiting is not billed: six runs of 300 ms, not of up to 900.
      expect(metrics['function_billed_ms_total']).toBeGreaterThanOrEqual(1794);
      expect(metrics['function_billed_ms_total']).toBeLessThan(3400);
    });

    it('runs as many as come when there is no limit', async () => {
      const runtime = await start(name);
      const begun = performance.now();
      await Promise.all(Array.from({ length: 30 }, () => runtime.ask({ path: '/sleep?ms=400' })));
      expect(performance.now() - begun).toBeLessThan(8000);
    });

    it('lets 1000 wait and refuses the next with 503 and Retry-After', async () => {
      const runtime = await start(name, { FNPLANE_CONCURRENCY: '1' });
      const first = runtime.ask({ path: '/sleep?ms=20000' }).catch(() => null);
      await inFlight(runtime, 1);
      const agent = new Agent({ maxSockets: 2000 });
      const waiting = Array.from({ length: 1000 }, () => runtime.ask({ path: '/number', agent }).catch(() => null));
      await inFlight(runtime, 1001);
      const reply = await runtime.ask({ path: '/number' });
      expect(source(reply)).toEqual([503, 'platform', 'Overloaded']);
      expect(reply.headers['retry-after']).toBe('1');
      agent.destroy();
      // Callers that hung up leave the line.
      await inFlight(runtime, 1);
      expect(await runtime.metrics()).toMatchObject({ function_invocations_total: 0, 'http_requests_total{status="503"}': 1, 'http_requests_total{status="499"}': 1000 });
      await Promise.all(waiting);
      void first;
    }, 30_000);

    it('runs on for a caller that hung up', async () => {
      const runtime = await start(name);
      const caller = new AbortController();
      const reply = runtime.ask({ path: '/sleep?ms=300', signal: caller.signal }).catch((error: Error) => error.name);
      await inFlight(runtime, 1);
      caller.abort();
      expect(await reply).toBe('AbortError');
      await inFlight(runtime, 0);
      expect(await runtime.metrics()).toMatchObject({ function_invocations_total: 1 });
    });
  });

  it('counts exactly, in whole numbers', async () => {
    const runtime = await start(name);
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    const asks = Array.from({ length: 200 }, (_, index) => {
      if (index % 4 === 0) return runtime.ask({ path: '/raise', body: 'abc', agent });
      if (index % 4 === 1) return runtime.ask({ path: '/number', body: '{', headers: { 'content-type': 'application/json' }, agent });
      if (index % 4 === 2) return runtime.ask({ path: '/none', chunks: ['ab', 'cd'], agent });
      return runtime.ask({ path: '/number', agent });
    });
    const replies = await Promise.all(asks);
    await runtime.ask({ method: 'GET', path: '/healthz' });
    const metrics = await runtime.metrics();
    agent.destroy();
    const billable = replies.filter((reply) => reply.status !== 400);
    expect(metrics).toMatchObject({
      'http_requests_total{status="200"}': 50,
      'http_requests_total{status="204"}': 50,
      'http_requests_total{status="400"}': 50,
      'http_requests_total{status="500"}': 50,
      function_invocations_total: 150,
      function_request_bytes_total: 50 * 3 + 50 * 4,
      function_response_bytes_total: billable.reduce((sum, reply) => sum + reply.body.length, 0),
      function_in_flight: 0,
      function_duration_seconds_count: 150,
      'function_duration_seconds_bucket{le="+Inf"}': 150,
    });
    const billed = metrics['function_billed_ms_total'] ?? 0;
    expect(Number.isInteger(billed)).toBe(true);
    expect(billed).toBeGreaterThanOrEqual(150);
    // Each run is rounded up: between the sum of the durations and that plus one ms a run.
    const sum = (metrics['function_duration_seconds_sum'] ?? 0) * 1000;
    expect(billed).toBeGreaterThanOrEqual(sum);
    expect(billed).toBeLessThan(sum + 150);
    expect(Object.keys(metrics).filter((key) => key.startsWith('function_instance_info'))).toHaveLength(1);
    expect(Object.keys(metrics).filter((key) => key.startsWith('function_duration_seconds_bucket'))).toHaveLength(13);
  });

  describe('end', () => {
    it('finishes what is in flight, writes the last totals and exits 0', async () => {
      const runtime = await start(name);
      const instance = Object.keys(await runtime.metrics()).find((key) => key.startsWith('function_instance_info'))?.split('"')[1];
      await runtime.ask({ path: '/number', body: 'abc' });
      const slow = runtime.ask({ path: '/sleep?ms=400', agent: new Agent({ keepAlive: true }) });
      await inFlight(runtime, 1);
      runtime.terminate();
      const reply = await slow;
      expect([reply.status, reply.headers.connection]).toEqual([200, 'close']);
      await expect(runtime.ask({ path: '/number' })).rejects.toThrow('ECONNREFUSED');
      expect((await runtime.exited).code).toBe(0);
      const message = JSON.parse(runtime.terminationMessage()) as { totals: { billedMs: number } };
      expect(message).toEqual({
        fnplane: 1,
        instance,
        totals: { invocations: 2, billedMs: expect.any(Number) as number, requestBytes: 3, responseBytes: 2 + reply.body.length },
      });
      expect(message.totals.billedMs).toBeGreaterThanOrEqual(401);
    });

    it('serves a request that comes over an open connection just after SIGTERM', async () => {
      const runtime = await start(name);
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      await runtime.ask({ path: '/number', agent });
      runtime.terminate();
      const reply = await runtime.ask({ path: '/number', agent });
      expect(reply.status).toBe(200);
      expect((await runtime.exited).code).toBe(0);
      expect(runtime.terminationMessage()).toContain('"invocations":2');
    });

    it('is not held up by idle connections, and cuts off at the end of the grace', async () => {
      const runtime = await start(name, { FNPLANE_GRACE_MS: '300' });
      const agent = new Agent({ keepAlive: true });
      await runtime.ask({ path: '/number', agent });
      const slow = runtime.ask({ path: '/sleep?ms=20000&deaf=1' });
      await inFlight(runtime, 1);
      const begun = performance.now();
      runtime.terminate();
      expect(source(await slow)).toEqual([504, 'handler', 'Timeout']);
      expect((await runtime.exited).code).toBe(0);
      expect(performance.now() - begun).toBeLessThan(2500);
      expect(runtime.terminationMessage()).toContain('"invocations":2');
      agent.destroy();
    });
  });

  it('says so when the port is taken, and exits 1', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const runtime = new RuntimeProcess(name, { PORT: String((other.address() as AddressInfo).port) });
    running.push(runtime);
    expect((await runtime.exited).code).toBe(1);
    expect(runtime.stderr).toContain('cannot listen on port');
    expect(runtime.terminationMessage()).toBe('');
    other.close();
  });

  it('says so when a setting cannot be used', async () => {
    const runtime = new RuntimeProcess(name, { FNPLANE_TIMEOUT_MS: '30s' });
    running.push(runtime);
    expect((await runtime.exited).code).toBe(1);
    expect(runtime.stderr).toContain('FNPLANE_TIMEOUT_MS is "30s", not a whole number of at least 1');
  });
});

describe('python async handlers', () => {
  it('are awaited, run together, and are cancelled at the deadline', async () => {
    const runtime = await start('python', { FNPLANE_HANDLER: 'handler.handle_async', FNPLANE_CONCURRENCY: '50' });
    const begun = performance.now();
    const replies = await Promise.all(Array.from({ length: 50 }, () => runtime.ask({ path: '/sleep?ms=300' })));
    expect(replies.every((reply) => reply.status === 200)).toBe(true);
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect(source(await runtime.ask({ path: '/sleep?ms=60000', headers: { 'x-fnplane-deadline': String(Date.now() + 200) } }))).toEqual([504, 'handler', 'Timeout']);
    expect(source(await runtime.ask({ path: '/raise' }))).toEqual([500, 'handler', 'OrderError']);
    expect((await runtime.ask({ method: 'GET', path: '/healthz' })).status).toBe(200);
  });
});

describe('go errors', () => {
  it('bear the name their author gave them, and a panic is one of them', async () => {
    const runtime = await start('go');
    expect(source(await runtime.ask({ path: '/raise-named' }))).toEqual([500, 'handler', 'OutOfStock']);
    expect(source(await runtime.ask({ path: '/raise-plain' }))).toEqual([500, 'handler', 'Error']);
    expect(source(await runtime.ask({ path: '/panic' }))).toEqual([500, 'handler', 'Panic']);
    await runtime.until(() => runtime.stderr.includes('handler.go'), 'the stack is logged');
  });

  it('of the deadline are a timeout, not an error', async () => {
    const runtime = await start('go', { FNPLANE_TIMEOUT_MS: '100' });
    for (let count = 0; count < 5; count += 1) expect(source(await runtime.ask({ path: '/sleep?ms=5000' }))).toEqual([504, 'handler', 'Timeout']);
  });
});

describe('node', () => {
  it('takes a web Response', async () => {
    const reply = await (await start('node')).ask({ path: '/web-response' });
    expect([reply.status, reply.headers['x-extra'], reply.body.toString()]).toEqual([203, 'c', 'made of web parts']);
  });
});

describe('python', () => {
  it('writes decimals and the like as JSON', async () => {
    expect((await (await start('python')).ask({ path: '/decimal' })).json()).toEqual({ total: '10.20' });
  });
});

describe('a handler that cannot be loaded', () => {
  const folders: string[] = [];
  afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

  function code(files: Record<string, string>): string {
    const folder = mkdtempSync(join(tmpdir(), 'fnplane-code-'));
    folders.push(folder);
    for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
    return folder;
  }

  const cases: [string, RuntimeName, Record<string, string>, string, string][] = [
    ['syntax error', 'python', { 'handler.py': 'x = 1\n\ndef handle(event, context:\n    pass\n' }, '', "SyntaxError in handler.py line 3: '(' was never closed\n    def handle(event, context:\n"],
    ['indentation', 'python', { 'handler.py': 'def handle(event, context):\nreturn 1\n' }, '', 'IndentationError in handler.py line 2: expected an indented block'],
    ['missing function', 'python', { 'handler.py': 'def other(event, context): pass\n' }, '', 'handler.py has no function "handle"\n'],
    ['not a function', 'python', { 'handler.py': 'handle = 5\n' }, '', '"handle" in handler.py is not a function\n'],
    ['missing file', 'python', {}, '', 'handler.py was not found in the function\'s code (the handler is "handler.handle")\n'],
    ['missing package', 'python', { 'handler.py': '\nimport nowhere_to_be_found\n' }, '', "ModuleNotFoundError in handler.py line 2: No module named 'nowhere_to_be_found'\n"],
    ['error in another file', 'python', { 'handler.py': 'import shop\n', 'shop.py': '\n\nraise KeyError("TOKEN")\n' }, '', "KeyError in shop.py line 3: 'TOKEN'\n"],
    ['exit while loading', 'python', { 'handler.py': 'import sys\nsys.exit(3)\n' }, '', 'SystemExit in handler.py line 2: 3\n'],
    ['unusable name', 'python', {}, 'handle', 'The handler is "handle"; it must be <file without .py>.<function>, for example handler.handle\n'],
    ['syntax error', 'node', { 'handler.js': 'const x = 1;\nexport const handle = () => { await x };\n' }, '', 'SyntaxError in handler.js line 2: Unexpected reserved word\n    export const handle = () => { await x };\n'],
    ['syntax error in another file', 'node', { 'handler.mjs': "export * from './shop.mjs';\n", 'shop.mjs': '\nexport const = 1;\n' }, '', "SyntaxError in shop.mjs line 2: Unexpected token '='\n    export const = 1;\n"],
    ['syntax error in TypeScript', 'node', { 'handler.ts': 'const x: number = ;\n' }, '', 'SyntaxError in handler.ts line 1'],
    ['syntax error in CommonJS', 'node', { 'handler.cjs': 'const x = 1;\nlet x = 2;\n' }, '', "SyntaxError in handler.cjs line 2: Identifier 'x' has already been declared\n    let x = 2;\n"],
    ['missing function', 'node', { 'handler.mjs': 'export const other = 1;\n' }, '', 'handler.mjs has no function "handle"\n'],
    ['not a function', 'node', { 'handler.mjs': 'export const handle = 1;\n' }, '', '"handle" in handler.mjs is not a function\n'],
    ['missing file', 'node', {}, 'src/app.run', 'src/app.js (or .mjs, .cjs, .ts) was not found in the function\'s code (the handler is "src/app.run")\n'],
    ['missing package', 'node', { 'handler.mjs': "import 'nowhere-to-be-found';\n" }, '', "Error in handler.mjs: Cannot find package 'nowhere-to-be-found' imported from handler.mjs\n"],
    ['missing export', 'node', { 'handler.mjs': "import { nothing } from 'node:fs';\nexport const handle = nothing;\n" }, '', 'SyntaxError in handler.mjs line 1'],
    ['error while loading', 'node', { 'handler.mjs': '\nthrow new TypeError("no TOKEN");\n' }, '', 'TypeError in handler.mjs line 2: no TOKEN\n'],
  ];

  it.each(cases)('%s, %s', async (_what, name, files, handler, message) => {
    const runtime = new RuntimeProcess(name, { FNPLANE_CODE_FOLDER: code(files), ...(handler ? { FNPLANE_HANDLER: handler } : {}) });
    running.push(runtime);
    const exit = await runtime.exited;
    expect(exit.code).toBe(1);
    expect(runtime.stderr).toContain(message);
    expect(runtime.stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(2);
    expect(runtime.terminationMessage()).toBe('');
  });

  it('loads CommonJS, TypeScript and files in folders', async () => {
    const commonJs = code({ 'handler.js': 'exports.handle = async () => ({ made: "by require" });\n' });
    expect((await (await start('node', { FNPLANE_CODE_FOLDER: commonJs })).ask()).json()).toEqual({ made: 'by require' });
    const typed = code({ 'app.ts': 'export const run = (event: { method: string }): string => event.method;\n' });
    expect((await (await start('node', { FNPLANE_CODE_FOLDER: typed, FNPLANE_HANDLER: 'app.run' })).ask()).json()).toBe('POST');
  });

  it('ends an instance whose code fails outside of any invocation, and bills what it served', async () => {
    const folder = code({ 'handler.mjs': 'export const handle = (event) => { if (event.path === "/later") setTimeout(() => { throw new Error("stray"); }, 10); return 1; };\n' });
    const runtime = await start('node', { FNPLANE_CODE_FOLDER: folder });
    await runtime.ask({ path: '/later' });
    expect((await runtime.exited).code).toBe(1);
    expect(runtime.stderr).toContain('uncaught Error: stray');
    expect(runtime.terminationMessage()).toContain('"invocations":1');
  });
});
