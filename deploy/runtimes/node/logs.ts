/** JSON lines on standard output and error. What a handler prints during an invocation becomes one, with the request id; all else stays as it is. */
import { AsyncLocalStorage } from 'node:async_hooks';

type Fields = Record<string, unknown>;
type Level = 'debug' | 'info' | 'warn' | 'error';

function safe(value: unknown): string {
  const seen = new WeakSet<object>();
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part === 'bigint') return part.toString();
    if (part instanceof Error) return { name: part.name, message: part.message, stack: part.stack };
    if (typeof part === 'object' && part !== null) {
      if (seen.has(part)) return '[seen before]';
      seen.add(part);
    }
    return part;
  });
}

type StreamName = 'stdout' | 'stderr';

/** Longest text without a newline that is held back. */
const MOST_HELD = 64 * 1024;
/** What Node's own streams do, below what handlers see. */
const write: Record<StreamName, (text: string) => boolean> = { stdout: process.stdout.write.bind(process.stdout), stderr: process.stderr.write.bind(process.stderr) };

function writeLine(stream: StreamName, level: Level, message: string, fields: Fields): boolean {
  return write[stream](safe({ time: new Date().toISOString(), level, message, ...fields }) + '\n');
}

/** What one invocation prints: a text is one line of JSON once it ends with a newline, however many lines it has. */
class Printed {
  readonly #requestId: string;
  readonly #held: Record<StreamName, string> = { stdout: '', stderr: '' };
  #ended = false;

  constructor(requestId: string) {
    this.#requestId = requestId;
  }

  add(stream: StreamName, level: Level, text: string): boolean {
    this.#held[stream] += text;
    const held = this.#held[stream];
    return held.endsWith('\n') || held.length > MOST_HELD || this.#ended ? this.#flush(stream, level) : true;
  }

  end(): void {
    this.#ended = true;
    this.#flush('stdout', 'info');
    this.#flush('stderr', 'error');
  }

  #flush(stream: StreamName, level: Level): boolean {
    const message = this.#held[stream].replace(/\r?\n$/, '');
    this.#held[stream] = '';
    if (message === '') return true;
    const own = ownLine(message);
    return own ? write[stream](safe({ requestId: this.#requestId, ...own }) + '\n') : writeLine(stream, level, message, { requestId: this.#requestId });
  }
}

/** A logger of the function's own may write JSON lines already: they only get the request id. */
function ownLine(message: string): Fields | undefined {
  if (!message.startsWith('{') || message.includes('\n')) return undefined;
  try {
    return JSON.parse(message) as Fields;
  } catch {
    return undefined;
  }
}

const running = new AsyncLocalStorage<Printed>();
/** Set while a method of `console` runs that says how grave its text is. */
let spoken: Level | undefined;

/** Runs a handler: what it prints until it ends, and what it left behind prints later, carries the request id. */
export async function withinInvocation<T>(requestId: string, handler: () => T | Promise<T>): Promise<T> {
  const printed = new Printed(requestId);
  try {
    return await running.run(printed, handler);
  } finally {
    printed.end();
  }
}

/** From now on `console`, `process.stdout` and `process.stderr` know the invocation they are used in. */
export function captureOutput(): void {
  for (const stream of ['stdout', 'stderr'] as const) {
    const plain = process[stream].write.bind(process[stream]) as (...args: unknown[]) => boolean;
    process[stream].write = ((chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
      const printed = running.getStore();
      if (!printed) return plain(chunk, ...rest);
      const encoding = typeof rest[0] === 'string' ? (rest[0] as BufferEncoding) : 'utf8';
      const text = typeof chunk === 'string' ? (encoding === 'utf8' || encoding === 'utf-8' ? chunk : Buffer.from(chunk, encoding).toString()) : Buffer.from(chunk).toString();
      const room = printed.add(stream, spoken ?? (stream === 'stdout' ? 'info' : 'error'), text);
      const done = rest.findLast((one) => typeof one === 'function') as (() => void) | undefined;
      if (done) process.nextTick(done);
      return room;
    }) as typeof process.stdout.write;
  }
  for (const [method, level] of [['debug', 'debug'], ['warn', 'warn']] as const) {
    const plain = console[method].bind(console);
    console[method] = (...args: unknown[]): void => {
      spoken = level;
      try {
        plain(...args);
      } finally {
        spoken = undefined;
      }
    };
  }
}

/** A line of the runtime itself, on standard error. */
export function platformLine(level: Level, message: string, fields: Fields = {}): void {
  writeLine('stderr', level, message, fields);
}

/** `context.logger`: `logger.info('reserved', { order: 'o-1' })` writes one JSON line with the request id. */
export class Logger {
  readonly #fields: Fields;

  constructor(fields: Fields) {
    this.#fields = fields;
  }

  debug(message: string, fields: Fields = {}): void {
    this.#write('debug', message, fields);
  }

  info(message: string, fields: Fields = {}): void {
    this.#write('info', message, fields);
  }

  warn(message: string, fields: Fields = {}): void {
    this.#write('warn', message, fields);
  }

  error(message: string, fields: Fields = {}): void {
    this.#write('error', message, fields);
  }

  #write(level: Level, message: string, fields: Fields): void {
    writeLine('stdout', level, String(message), { ...fields, ...this.#fields });
  }
}
