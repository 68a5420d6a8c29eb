import { createHash } from 'node:crypto';
import type { CronTriggerSettings } from './cron-trigger-body.js';
import { effectiveSettings } from './cron-trigger-rules.policy.js';
import { lastDue, nextDue } from './schedule.policy.js';

/** Why a due time was not run. */
export const SKIP_REASONS = ['missed', 'running', 'replaced', 'queue-full', 'function-deleting', 'tenant-suspended', 'schedule-unusable'] as const;
export type SkipReason = (typeof SKIP_REASONS)[number];

export interface DueTrigger {
  settings: CronTriggerSettings;
  /** The first due time that has not been looked at. All times are epoch ms. */
  dueAt: number;
  now: number;
  /** Of its function or tenant: nothing of it is run. */
  blocked: 'function-deleting' | 'tenant-suspended' | undefined;
  /** Whether an earlier run has not ended. */
  isOpen: boolean;
}

export interface DuePlan {
  /** Due times that are run, oldest first. */
  runs: number[];
  skipped: number;
  /** The latest of those. */
  lastSkip: { at: number; reason: SkipReason } | undefined;
  /** The next due time; none comes any more where it is undefined. */
  next: number | undefined;
}

/** A due time that nobody looked at for so long was missed; what is younger is late, and is run whatever the policy says. */
export const ON_TIME_MS = 15_000;
export const MOST_CAUGHT_UP = 100;
/** Due times counted one by one; of those beyond, only the last that can matter are looked at. */
const MOST_COUNTED = 500;

/** What a trigger comes to that is due. */
export function planDue(trigger: DueTrigger): DuePlan {
  const { settings, now, blocked } = trigger;
  const { concurrencyPolicy } = effectiveSettings(settings);
  const { times, beyond, next } = dueTimes(trigger);
  const skips: DuePlan['lastSkip'][] = [];
  const skip = (list: readonly number[], reason: SkipReason): void => void skips.push(...list.map((at) => ({ at, reason })));
  let runs: number[] = [];
  if (blocked) {
    skip(times, blocked);
  } else {
    const { caughtUp, missed } = catchUp(times, trigger);
    skip(missed, 'missed');
    const onTime = times.filter((time) => now - time <= ON_TIME_MS);
    runs = [...caughtUp, ...onTime];
  }
  if (concurrencyPolicy === 'forbid' && (trigger.isOpen || runs.length > 1)) {
    // The first is open as soon as it is accepted.
    const kept = trigger.isOpen ? [] : runs.slice(0, 1);
    skip(runs.slice(kept.length), 'running');
    runs = kept;
  } else if (concurrencyPolicy === 'replace' && runs.length > 1) {
    skip(runs.slice(0, -1), 'replaced');
    runs = runs.slice(-1);
  }
  const lastSkip = skips.reduce((last, one) => (last === undefined || one!.at >= last.at ? one : last), undefined);
  return { runs, skipped: skips.length + beyond, lastSkip, next };
}

/** How much later than due a run begins: the same whoever asks. In ms. */
export function jitterMs(triggerId: string, dueAt: number, jitterSeconds: number): number {
  if (jitterSeconds === 0) return 0;
  return createHash('sha256').update(`${triggerId}/${dueAt}`).digest().readUInt32BE(0) % (jitterSeconds * 1000 + 1);
}

/** From the first that nobody looked at until now, and how many older ones there are beside them. */
function dueTimes({ settings, dueAt, now }: DueTrigger): { times: number[]; beyond: number; next: number | undefined } {
  const { schedule } = settings;
  const { timeZone } = effectiveSettings(settings);
  const times = [dueAt];
  for (;;) {
    const next = nextDue(schedule, timeZone, times.at(-1)!);
    if (next === undefined || next > now) return { times, beyond: 0, next };
    if (times.length === MOST_COUNTED) break;
    times.push(next);
  }
  const last = lastDue(schedule, timeZone, { since: times.at(-1)! + 1, until: now, most: MOST_CAUGHT_UP });
  return { times: last, beyond: times.length, next: nextDue(schedule, timeZone, now) };
}

/** Those of the missed ones that are run all the same. */
function catchUp(times: readonly number[], { settings, now }: DueTrigger): { caughtUp: number[]; missed: number[] } {
  const { missedRuns, maxAgeSeconds } = effectiveSettings(settings);
  const late = times.filter((time) => now - time > ON_TIME_MS);
  // Where one is on time, that is the last.
  const last = late.length < times.length ? [] : late.slice(-1);
  const young = late.filter((time) => now - time <= maxAgeSeconds * 1000).slice(-MOST_CAUGHT_UP);
  const caughtUp = { skip: [], last, all: young }[missedRuns];
  return { caughtUp, missed: late.slice(0, late.length - caughtUp.length) };
}
