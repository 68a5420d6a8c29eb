/** What the platform tells the runtime through its environment, and the limits the three runtimes share. */

/** Largest request body; larger ones are answered 413. */
export const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** Largest specialization of an instance of a warm pool: code, environment and secret files together. */
export const MAX_SPECIALIZATION_BYTES = 24 * 1024 * 1024;
/** Where an instance of a warm pool is told what to become. */
export const SPECIALIZE_PATH = '/.fnplane/specialize';
/** Largest request line plus headers; larger ones are answered 431. */
export const MAX_HEAD_BYTES = 16 * 1024;
/** Requests that may wait for a free slot, and the bytes their bodies may hold together; beyond either: 503. */
export const MAX_WAITING = 1000;
export const MAX_WAITING_BYTES = 32 * 1024 * 1024;
/** A connection may stay idle, take for its headers, or take for a whole request this long. */
export const IDLE_MS = 120_000;
export const HEAD_MS = 30_000;
export const REQUEST_MS = 120_000;
/** After SIGTERM, connections that are open but idle get this long to bring a request that was already on its way. */
export const LINGER_MS = 250;

export interface Settings {
  port: number;
  host: string | undefined;
  tenant: string;
  function: string;
  revision: number;
  handler: string;
  timeoutMs: number;
  /** 0 = unlimited. */
  concurrency: number;
  graceMs: number;
  codeFolder: string;
  secretsFolder: string;
  terminationLog: string;
  servedBy: string;
}

function integer(env: NodeJS.ProcessEnv, name: string, fallback: number, minimum: number): number {
  const text = env[name] ?? '';
  if (text === '') return fallback;
  if (!/^\d{1,15}$/.test(text) || Number(text) < minimum) throw new Error(`${name} is "${text}", not a whole number of at least ${minimum}`);
  return Number(text);
}

/** One reading of the environment; throws when a value cannot be used. */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const name = env['FNPLANE_FUNCTION'] ?? 'function';
  const revision = integer(env, 'FNPLANE_REVISION', 0, 0);
  return {
    port: integer(env, 'PORT', 8080, 0),
    host: env['FNPLANE_HOST'] || undefined,
    tenant: env['FNPLANE_TENANT'] ?? '',
    function: name,
    revision,
    handler: env['FNPLANE_HANDLER'] || 'handler.handle',
    timeoutMs: integer(env, 'FNPLANE_TIMEOUT_MS', 30_000, 1),
    concurrency: integer(env, 'FNPLANE_CONCURRENCY', 0, 0),
    graceMs: integer(env, 'FNPLANE_GRACE_MS', 25_000, 0),
    codeFolder: env['FNPLANE_CODE_FOLDER'] || '/function',
    secretsFolder: env['FNPLANE_SECRETS_FOLDER'] || '/var/run/secrets/fnplane',
    terminationLog: env['FNPLANE_TERMINATION_LOG'] || '/dev/termination-log',
    servedBy: `${name}@${revision}`,
  };
}
