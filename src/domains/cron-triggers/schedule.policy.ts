import { Cron } from 'croner';

interface Field {
  name: string;
  least: number;
  most: number;
  /** Three letters each, the first one stands for `least`. */
  names?: readonly string[];
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/** From left to right; the seconds may be left out. */
const FIELDS: readonly Field[] = [
  { name: 'second', least: 0, most: 59 }, { name: 'minute', least: 0, most: 59 }, { name: 'hour', least: 0, most: 23 },
  { name: 'day of the month', least: 1, most: 31 }, { name: 'month', least: 1, most: 12, names: MONTHS }, { name: 'day of the week', least: 0, most: 7, names: WEEKDAYS },
];
const DAY_OF_MONTH = 3;
const MONTH = 4;
const DAY_OF_WEEK = 5;
const MOST_DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

export const LONGEST_SCHEDULE = 200;
export const LONGEST_TIME_ZONE = 64;
const ZONE_NAME = /^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+)*$/;
const ITEM = /^(?:(\*)|([0-9]{1,2}|[a-z]{3})(?:-([0-9]{1,2}|[a-z]{3}))?)(?:\/([0-9]{1,3}))?$/;

/** Parsed ones take some 80 kB each, and parsing takes longer than asking them: the last that were asked are kept. */
const MOST_KEPT = 200;
const kept = new Map<string, Cron>();

/** Why a schedule is refused; undefined where it is not. */
export function scheduleProblem(schedule: string): string | undefined {
  if (schedule.length > LONGEST_SCHEDULE) return `must have at most ${LONGEST_SCHEDULE} characters`;
  if (schedule.includes('@')) return 'must be written as fields: nicknames such as @daily are not taken';
  const texts = schedule.trim().toLowerCase().split(/[ \t]+/);
  if (texts.length !== FIELDS.length && texts.length !== FIELDS.length - 1) return `must have five fields (minute, hour, day of the month, month, day of the week) or six (second first); it has ${schedule.trim() === '' ? 0 : texts.length}`;
  const fields = texts.length === FIELDS.length ? texts : ['0', ...texts];
  const values: number[][] = [];
  for (const [index, field] of FIELDS.entries()) {
    const read = valuesOf(fields[index]!, field);
    if (typeof read === 'string') return `has a wrong field for the ${field.name}: ${read}`;
    values.push(read);
  }
  return comes(fields, values) ? undefined : 'never comes: none of its months has such a day';
}

/** Why a time zone is refused; undefined where it is not. */
export function timeZoneProblem(timeZone: string): string | undefined {
  const message = 'must be the name of a time zone of the IANA database, such as Europe/Berlin';
  if (timeZone.length > LONGEST_TIME_ZONE || !ZONE_NAME.test(timeZone)) return message;
  try {
    new Intl.DateTimeFormat('en', { timeZone });
    return undefined;
  } catch {
    return message;
  }
}

/**
 * The first due time later than `after`, both epoch ms. Times of the clock that do not exist on a day are due at the first moment after the gap,
 * and what comes twice is due the first time, where hour, minute and second are fixed; what goes by steps or wildcards goes on by elapsed time.
 * @returns undefined where there is none any more
 */
export function nextDue(schedule: string, timeZone: string, after: number): number | undefined {
  return patternOf(schedule, timeZone).nextRun(new Date(after))?.getTime();
}

/** The last due times until `until`, included, oldest first: at most `most`, and none before `since`. Epoch ms. */
export function lastDue(schedule: string, timeZone: string, { since, until, most }: { since: number; until: number; most: number }): number[] {
  // Those before the second that follows.
  const end = new Date(Math.floor(until / 1000) * 1000 + 1000);
  return patternOf(schedule, timeZone).previousRuns(most, end).map((date) => date.getTime()).filter((time) => time >= since).reverse();
}

function patternOf(schedule: string, timeZone: string): Cron {
  const key = `${timeZone} ${schedule}`;
  const known = kept.get(key);
  const pattern = known ?? new Cron(schedule, { paused: true, mode: '5-or-6-parts', timezone: timeZone, fixedTimeRule: 'no-wildcard' });
  kept.delete(key);
  if (kept.size >= MOST_KEPT) kept.delete(kept.keys().next().value!);
  kept.set(key, pattern);
  return pattern;
}

/** All values a field stands for, or what is wrong with it. */
function valuesOf(text: string, field: Field): number[] | string {
  const { least, most } = field;
  const values: number[] = [];
  for (const item of text.split(',')) {
    const [, star, from, to, step] = ITEM.exec(item) ?? [];
    if (star === undefined && from === undefined) return `"${item}" is none of *, a value, a range a-b, or one of these with a step /n${/[lw#?+]/.test(item) ? ' (L, W, #, ? and + are not taken)' : ''}`;
    if (step !== undefined && star === undefined && to === undefined) return `"${item}" has a step behind a single value: write ${from}-${most}/${step}`;
    const bounds = star === undefined ? [numberOf(from!, field), numberOf(to ?? from!, field, true)] : [least, most];
    const [first, last] = bounds as [number | undefined, number | undefined];
    if (first === undefined || last === undefined || first < least || last > most) return `"${item}" is outside ${least} to ${most}${field.names ? `, or no name of ${field.names[0]} to ${field.names.at(-1)}` : ''}`;
    if (first > last) return `"${item}" ends before it begins`;
    if (step !== undefined && (Number(step) < 1 || Number(step) > most)) return `"${item}" has a step outside 1 to ${most}`;
    for (let value = first; value <= last; value += Number(step ?? 1)) values.push(value);
  }
  return values;
}

function numberOf(text: string, { names, least }: Field, isEnd = false): number | undefined {
  if (/^[0-9]/.test(text)) return Number(text);
  const place = names?.indexOf(text) ?? -1;
  if (place < 0) return undefined;
  // A week may end with its Sunday.
  return isEnd && text === 'sun' ? 7 : place + least;
}

/** Days of the month and of the week are alternatives where both are given. */
function comes(fields: readonly string[], values: readonly number[][]): boolean {
  if (fields[DAY_OF_MONTH] === '*' || fields[DAY_OF_WEEK] !== '*') return true;
  return values[MONTH]!.some((month) => values[DAY_OF_MONTH]!.some((day) => day <= MOST_DAYS[month - 1]!));
}
