import { TRIGGER_NAME } from '../../contract/triggers.js';
import type { FieldProblem } from '../../platform/errors/domain-error.js';
import { DEFAULT_AGE_SECONDS, DEFAULT_ATTEMPTS, LEAST_AGE_SECONDS, MOST_AGE_SECONDS, MOST_ATTEMPTS } from '../async-invocations/async-request.policy.js';
import { headerProblems, pathProblem } from '../invocations/invocation-request.policy.js';
import { CONCURRENCY_POLICIES, MISSED_RUNS, type CronTriggerBody, type CronTriggerSettings, type EffectiveSettings } from './cron-trigger-body.js';
import { scheduleProblem, timeZoneProblem } from './schedule.policy.js';

export const MOST_BODY_BYTES = 64 * 1024;
export const LONGEST_BASE64 = Math.ceil(MOST_BODY_BYTES / 3) * 4;
export const MOST_JITTER_SECONDS = 300;

const NAME_WORDS = 'must be 1 to 40 lower-case letters, digits and hyphens, start with a letter, have no three hyphens in a row and not look like a UUID';

/** Everything about a trigger that can be judged without looking anything up: of bodies, and of what a merge patch came to. */
export function cronTriggerProblems(body: CronTriggerBody): FieldProblem[] {
  const { name, schedule, timeZone, suspended, path } = body;
  return [
    ...said('/name', typeof name === 'string' && TRIGGER_NAME.test(name) ? undefined : NAME_WORDS),
    ...said('/function', typeof body.function === 'string' && body.function !== '' ? undefined : 'must name a function of this tenant'),
    ...said('/schedule', typeof schedule === 'string' ? scheduleProblem(schedule) : 'must be given: it says when the function is started'),
    ...said('/timeZone', timeZone === undefined ? undefined : typeof timeZone === 'string' ? timeZoneProblem(timeZone) : 'must be text'),
    ...oneOf('/concurrencyPolicy', body.concurrencyPolicy, CONCURRENCY_POLICIES),
    ...oneOf('/missedRuns', body.missedRuns, MISSED_RUNS),
    ...whole('/jitterSeconds', body.jitterSeconds, 0, MOST_JITTER_SECONDS),
    ...said('/suspended', suspended === undefined || typeof suspended === 'boolean' ? undefined : 'must be true or false'),
    ...said('/path', path === undefined ? undefined : typeof path === 'string' ? pathProblem(path) : 'must be text'),
    ...(body.headers === undefined ? [] : headerProblems(body.headers)),
    ...bodyProblems(body),
    ...whole('/maxAttempts', body.maxAttempts, 1, MOST_ATTEMPTS),
    ...whole('/maxAgeSeconds', body.maxAgeSeconds, LEAST_AGE_SECONDS, MOST_AGE_SECONDS),
  ];
}

export function effectiveSettings(settings: CronTriggerSettings): EffectiveSettings {
  const { timeZone = 'UTC', concurrencyPolicy = 'allow', missedRuns = 'last', jitterSeconds = 0, suspended = false, path = '/', maxAttempts = DEFAULT_ATTEMPTS, maxAgeSeconds = DEFAULT_AGE_SECONDS } = settings;
  return { timeZone, concurrencyPolicy, missedRuns, jitterSeconds, suspended, path, maxAttempts, maxAgeSeconds };
}

/** What the function gets, byte by byte. */
export function requestBody({ body, bodyBase64 }: CronTriggerSettings): Buffer | undefined {
  if (bodyBase64 !== undefined) return Buffer.from(bodyBase64, 'base64');
  return body === undefined ? undefined : Buffer.from(body);
}

function bodyProblems({ body, bodyBase64 }: CronTriggerSettings): FieldProblem[] {
  if (body !== undefined && bodyBase64 !== undefined) return [{ pointer: '/bodyBase64', message: 'cannot be given beside body: the function gets one of the two' }];
  const tooLarge = `must have at most ${MOST_BODY_BYTES} bytes`;
  if (body !== undefined) return said('/body', typeof body !== 'string' ? 'must be text' : Buffer.byteLength(body) > MOST_BODY_BYTES ? tooLarge : undefined);
  if (bodyBase64 === undefined) return [];
  if (typeof bodyBase64 !== 'string') return said('/bodyBase64', 'must be text');
  const bytes = Buffer.from(bodyBase64, 'base64');
  return said('/bodyBase64', bytes.toString('base64') !== bodyBase64 ? 'must be base64 with padding and without line breaks (RFC 4648, section 4)' : bytes.length > MOST_BODY_BYTES ? tooLarge : undefined);
}

function said(pointer: string, message: string | undefined): FieldProblem[] {
  return message === undefined ? [] : [{ pointer, message }];
}

function oneOf(pointer: string, value: string | undefined, words: readonly string[]): FieldProblem[] {
  return said(pointer, value === undefined || words.includes(value) ? undefined : `must be one of ${words.join(', ')}`);
}

function whole(pointer: string, value: number | undefined, least: number, most: number): FieldProblem[] {
  return said(pointer, value === undefined || (Number.isInteger(value) && value >= least && value <= most) ? undefined : `must be a whole number from ${least} to ${most}`);
}
