/** JSON lines on standard output and error. Lines the handler prints itself are left as they are. */

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

function writeLine(stream: NodeJS.WriteStream, level: Level, message: string, fields: Fields): void {
  stream.write(safe({ time: new Date().toISOString(), level, message, ...fields }) + '\n');
}

/** A line of the runtime itself, on standard error. */
export function platformLine(level: Level, message: string, fields: Fields = {}): void {
  writeLine(process.stderr, level, message, fields);
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
    writeLine(process.stdout, level, String(message), { ...fields, ...this.#fields });
  }
}
