/** Start and end of the process: settings, handler, listener; SIGTERM, last totals, exit. */
import { writeFileSync } from 'node:fs';
import type { Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describeError } from './answer.ts';
import { Invoker } from './invoker.ts';
import { LoadFailure, loadHandler, type Handler } from './loader.ts';
import { captureOutput, platformLine } from './logs.ts';
import { Metrics } from './metrics.ts';
import { createHttp, Server } from './server.ts';
import { LINGER_MS, readSettings, type Settings } from './settings.ts';

function fail(text: string): never {
  process.stderr.write(text + '\n');
  process.exit(1);
}

/** Resolves true when `done` holds, looking again on each call of the returned `look`; false after `ms`. */
function until(done: () => boolean, ms: number): { look: () => void; over: Promise<boolean> } {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), ms);
  const look = (): void => {
    if (!done()) return;
    clearTimeout(timer);
    resolve(true);
  };
  look();
  return { look, over: promise };
}

async function drain(server: Server, invoker: Invoker, settings: Settings): Promise<void> {
  const end = Date.now() + settings.graceMs;
  const closed = new Promise<void>((resolve) => server.http.once('close', resolve));
  server.drain();
  const open = await new Promise<number>((resolve) => server.http.getConnections((_error, count) => resolve(count)));
  if (open > invoker.busy) await new Promise((resolve) => setTimeout(resolve, Math.min(LINGER_MS, settings.graceMs)));
  server.http.closeIdleConnections();
  const idle = until(() => invoker.busy === 0, Math.max(0, end - Date.now()));
  server.onAnswered = idle.look;
  if (!(await idle.over)) {
    platformLine('error', `${invoker.busy} requests were cut off at the end of the grace period`);
    invoker.expireAll();
  }
  // The last answers leave; a client that does not read them is not waited for.
  server.http.closeIdleConnections();
  const flush = setTimeout(() => server.http.closeAllConnections(), 1000);
  await closed;
  clearTimeout(flush);
}

function writeTerminationLog(settings: Settings, metrics: Metrics): void {
  try {
    writeFileSync(settings.terminationLog, JSON.stringify(metrics.terminationMessage()));
  } catch (error) {
    platformLine('error', `the last totals could not be written: ${describeError(error).message}`);
  }
}

/** `http`: an instance of a warm pool, which listens already. */
function serve(settings: Settings, handler: Handler, http?: HttpServer): void {
  const metrics = new Metrics();
  const invoker = new Invoker(handler, settings);
  const server = new Server(settings, metrics, invoker, http);
  let stopping = false;
  const stop = (code: number): void => {
    if (stopping) return;
    stopping = true;
    void drain(server, invoker, settings).then(() => process.exit(code));
  };
  // Also when the handler's code ends the process by itself: what was served is billed. A life that served nothing leaves its log to be read.
  process.on('exit', (code) => {
    if (code === 0 || metrics.invocations > 0) writeTerminationLog(settings, metrics);
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop(0));
  // Raised outside of any invocation: the state is unknown, so the instance finishes what it has and ends.
  process.on('uncaughtException', (error) => {
    const { type, message, stack } = describeError(error);
    platformLine('error', `uncaught ${type}: ${message}`, { stack });
    stop(1);
  });
  const say = (): void => platformLine('info', 'serving', { function: settings.servedBy, port: (server.http.address() as AddressInfo).port });
  if (http) say();
  else listen(server.http, settings, say);
}

function listen(http: HttpServer, settings: Settings, then: () => void): void {
  http.once('error', (error) => fail(`cannot listen on port ${settings.port}: ${error.message}`));
  http.listen({ port: settings.port, host: settings.host, backlog: 1024 }, then);
}

function settingsOrEnd(): Settings {
  try {
    return readSettings(process.env);
  } catch (error) {
    fail((error as Error).message);
  }
}

/** Stands ready in a warm pool until it is told what to become. */
async function waitInPool(settings: Settings, token: string): Promise<void> {
  const { Pool } = await import('./pool.ts');
  if (!/^[\w-]{43}$/.test(token)) fail('FNPLANE_POOL_TOKEN is not a token of 256 bits');
  const http = createHttp();
  const pool = new Pool(http, token);
  const leave = (): void => process.exit(0);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, leave);
  listen(http, settings, () => platformLine('info', 'ready in the pool', { port: (http.address() as AddressInfo).port }));
  await pool.ordered;
  try {
    pool.install(settings);
    const specialized = readSettings(process.env);
    const handler = await loadHandler(specialized.handler, specialized.codeFolder);
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.removeListener(signal, leave);
    pool.leave();
    serve(specialized, handler, http);
    pool.done(specialized.servedBy);
  } catch (error) {
    const words = error instanceof LoadFailure ? error.message : describeError(error).message;
    await pool.fail(words);
    fail(words);
  }
}

async function main(): Promise<void> {
  const { FNPLANE_POOL: pooled, FNPLANE_POOL_TOKEN: token = '' } = process.env;
  delete process.env['FNPLANE_POOL'];
  delete process.env['FNPLANE_POOL_TOKEN'];
  const settings = settingsOrEnd();
  captureOutput();
  if (pooled === '1') {
    await waitInPool(settings, token);
    return;
  }
  let handler: Handler;
  try {
    handler = await loadHandler(settings.handler, settings.codeFolder);
  } catch (error) {
    fail(error instanceof LoadFailure ? error.message : describeError(error).message);
  }
  serve(settings, handler);
}

await main();
