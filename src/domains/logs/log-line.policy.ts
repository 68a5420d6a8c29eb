import type { LogLevel } from './log-levels.js';
import type { LogText } from './log-text.js';

const STAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ?/;
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;
const REQUEST_ID = /^[\x21-\x7e]{1,200}$/;
/** So far a function's own clock is believed; beyond, the node's counts. */
const MOST_APART_MS = 300_000;
const NS_PER_MS = 1_000_000n;
/** Every entry has them: in no need to be repeated in each. */
const KNOWN = new Set(['time', 'level', 'message', 'msg', 'requestId', 'function', 'revision', 'tenant']);

const LEVELS: Record<string, LogLevel> = {
  trace: 'debug', debug: 'debug', info: 'info', information: 'info', notice: 'info', warn: 'warn', warning: 'warn', error: 'error', err: 'error', fatal: 'error', critical: 'error', panic: 'error',
};

/** The node's time stamp (ns since 1970) and what was printed; undefined for what is no line of a pod, such as a complaint of the node itself. */
export function splitStamp(line: string): { at: bigint; text: string } | undefined {
  const match = STAMP.exec(line);
  const seconds = match ? Date.parse(`${match[1]}${match[3]}`) : NaN;
  if (!match || Number.isNaN(seconds)) return undefined;
  return { at: BigInt(seconds) * NS_PER_MS + BigInt((match[2] ?? '').padEnd(9, '0')), text: line.slice(match[0].length) };
}

/** A line of JSON tells its own time, level, message and request; any other is a message. Pure. */
export function readText({ at, text }: { at: bigint; text: string }): LogText {
  return readJson(at, text) ?? { at, time: timeOf(at), level: null, message: storable(text), requestId: null, fields: null, printed: true };
}

function readJson(at: bigint, text: string): LogText | undefined {
  const line = parseObject(text);
  const message = line?.message ?? line?.msg;
  if (!line || typeof message !== 'string') return undefined;
  const rest = Object.entries(line).filter(([name]) => !KNOWN.has(name));
  const { requestId } = line;
  return {
    at, time: ownTime(line.time, at), level: levelOf(line.level), message: storable(message),
    requestId: typeof requestId === 'string' && REQUEST_ID.test(requestId) ? requestId : null,
    fields: rest.length > 0 ? JSON.stringify(Object.fromEntries(rest)) : null,
    // As the runtimes write what is printed during an invocation.
    printed: rest.length === 0 && !('function' in line),
  };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

function ownTime(given: unknown, at: bigint): Date {
  const taken = timeOf(at);
  const own = typeof given === 'string' && RFC_3339.test(given) ? Date.parse(given) : typeof given === 'number' ? given : NaN;
  return Math.abs(own - taken.getTime()) <= MOST_APART_MS ? new Date(own) : taken;
}

/** Words, or pino's numbers. */
function levelOf(given: unknown): LogLevel | null {
  if (typeof given === 'string') return LEVELS[given.toLowerCase()] ?? null;
  if (typeof given !== 'number') return null;
  return given >= 50 ? 'error' : given >= 40 ? 'warn' : given >= 30 ? 'info' : 'debug';
}

function timeOf(at: bigint): Date {
  return new Date(Number(at / NS_PER_MS));
}

/** Postgres keeps well-formed text without NUL. */
function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD');
}
