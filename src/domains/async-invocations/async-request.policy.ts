import type { FieldProblem } from '../../platform/errors/domain-error.js';
import { headerProblems, pathProblem } from '../invocations/invocation-request.policy.js';

export const DEFAULT_ATTEMPTS = 3;
export const MOST_ATTEMPTS = 10;
export const DEFAULT_AGE_SECONDS = 21_600;
export const LEAST_AGE_SECONDS = 60;
export const MOST_AGE_SECONDS = 86_400;
const LONGEST_AHEAD_MS = 7 * 86_400_000;

export interface AsyncRequest {
  path: string;
  headers: Readonly<Record<string, string>>;
  scheduledFor: Date | undefined;
}

/** What is wrong with a request, beyond what its form says. @param at what a pointer of a parameter begins with: `?` or `/`. */
export function requestProblems({ path, headers, scheduledFor }: AsyncRequest, at: '?' | '/', now: Date): FieldProblem[] {
  const problems = headerProblems(headers);
  const wrongPath = pathProblem(path);
  if (scheduledFor && scheduledFor.getTime() > now.getTime() + LONGEST_AHEAD_MS) problems.unshift({ pointer: `${at}scheduledFor`, message: 'must be at most 7 days ahead' });
  if (wrongPath !== undefined) problems.unshift({ pointer: `${at}path`, message: wrongPath });
  return problems;
}

/** The header fields a function gets: the key against repeats is the platform's here. */
export function withoutKey(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'idempotency-key'));
}
