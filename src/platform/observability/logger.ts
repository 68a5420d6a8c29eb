import { AsyncLocalStorage } from 'node:async_hooks';
import { pino, type Logger } from 'pino';

/** Fields every log line of a piece of work carries: request id, tenant, function. */
export interface LogContext {
  requestId?: string;
  tenant?: string;
  function?: string;
  job?: string;
}

const storage = new AsyncLocalStorage<LogContext>();

/** Runs `work` with `context` added to each log line written inside it. */
export function withLogContext<T>(context: LogContext, work: () => T): T {
  return storage.run({ ...storage.getStore(), ...context }, work);
}

/** Adds to the present context, for facts learned on the way (the tenant, once it is resolved). */
export function addLogContext(context: LogContext): void {
  const present = storage.getStore();
  if (present) Object.assign(present, context);
}

export function currentLogContext(): LogContext {
  return storage.getStore() ?? {};
}

/**
 * The process's logger: one JSON object a line on standard output. Header and body values that may hold credentials
 * are redacted by name here, as a second net: nothing should log them in the first place.
 */
export const logger: Logger = pino({
  level: process.env.FNPLANE_LOG_LEVEL ?? 'info',
  base: undefined,
  timestamp: pino.stdTimeFunctions.isoTime,
  formatters: { level: (label) => ({ level: label }) },
  mixin: () => ({ ...storage.getStore() }),
  redact: {
    paths: [
      'req.headers.authorization', 'req.headers.cookie', 'headers.authorization', '*.authorization', '*.password', '*.token',
      '*.secret', '*.apiKey', '*.value', '*.kubeconfig', '*.connectionString',
    ],
    censor: '[redacted]',
  },
});

/** A logger that names the part of the platform it speaks for. */
export function partLogger(part: string): Logger {
  return logger.child({ part });
}
