import { DomainError } from '../../platform/errors/domain-error.js';
import type { Resolution } from './metric-points.policy.js';

export interface MetricRangeRequest {
  from?: Date;
  to?: Date;
  /** Seconds. */
  step?: number;
}

/** Points at `from`, `from + step`, … below `to`. */
export interface MetricRange {
  from: Date;
  to: Date;
  stepSeconds: number;
  /** Of the rows that it is made of. */
  resolution: Resolution;
}

export const MOST_POINTS = 1000;
export const STEP = { min: 60, max: 86_400, usual: 60 };
/** How long minutes are kept; hours are for {@link HOURS_KEPT_DAYS}. */
export const MINUTES_KEPT_DAYS = 2;
export const HOURS_KEPT_DAYS = 60;
const HOUR = 3600;
const USUAL_SECONDS = HOUR;
const DAY_MS = 86_400_000;

/**
 * The range that is answered: whole steps, counted from the epoch, that hold what was asked for. The last hour in minutes by default.
 * @throws {DomainError} METRIC_RANGE_INVALID
 */
export function metricRange(asked: MetricRangeRequest, now: Date): MetricRange {
  const stepSeconds = asked.step ?? STEP.usual;
  if (!isStep(stepSeconds)) throw invalid('?step', 'The step must be whole minutes, or whole hours from an hour on, and at most a day.', 'must be a multiple of 60 below 3600, or of 3600 up to 86400');
  const to = asked.to ?? now;
  const from = asked.from ?? new Date(to.getTime() - Math.max(USUAL_SECONDS, stepSeconds) * 1000);
  if (from >= to) throw invalid('?from', 'The range must begin before it ends.', 'must be before `to`');
  const length = stepSeconds * 1000;
  const range = { from: new Date(Math.floor(from.getTime() / length) * length), to: new Date(Math.ceil(to.getTime() / length) * length), stepSeconds };
  if ((range.to.getTime() - range.from.getTime()) / length > MOST_POINTS) throw invalid('?step', `The range has more than ${MOST_POINTS} steps; ask for longer ones or a shorter range.`, `must be such that the range has at most ${MOST_POINTS} steps`);
  const keptDays = stepSeconds < HOUR ? MINUTES_KEPT_DAYS : HOURS_KEPT_DAYS;
  if (range.from.getTime() < Math.floor((now.getTime() - keptDays * DAY_MS) / length) * length) {
    throw invalid('?from', `Steps of ${stepSeconds} seconds reach back ${keptDays} days.`, `must not be more than ${keptDays} days ago`);
  }
  return { ...range, resolution: stepSeconds < HOUR ? 60 : 3600 };
}

function isStep(step: number): boolean {
  return Number.isInteger(step) && step >= STEP.min && step <= STEP.max && step % (step < HOUR ? STEP.min : HOUR) === 0;
}

function invalid(pointer: string, text: string, message: string): DomainError {
  return new DomainError('invalid', 'METRIC_RANGE_INVALID', text, { fields: [{ pointer, message }] });
}
