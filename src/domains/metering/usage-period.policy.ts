import { DomainError } from '../../platform/errors/domain-error.js';

/** Half-open: from inclusive, to exclusive. */
export interface Period {
  from: Date;
  to: Date;
}

const MONTH = /^([1-9]\d{3})-(0[1-9]|1[0-2])$/;

/** The calendar month `YYYY-MM` in a time zone, as instants: months are as long as their zone makes them. */
export function monthPeriod(month: string, timeZone: string): Period {
  const match = MONTH.exec(month);
  if (!match) throw new DomainError('invalid', 'PERIOD_INVALID', 'The period must be a month such as 2026-11.', { fields: [{ pointer: '?period', message: 'must be YYYY-MM' }] });
  const year = Number(match[1]);
  const index = Number(match[2]) - 1;
  return { from: zonedMidnight(year, index, 1, timeZone), to: zonedMidnight(year, index + 1, 1, timeZone) };
}

/** The month an instant lies in, in a time zone. */
export function monthOf(instant: Date, timeZone: string): string {
  const { year, month } = zonedParts(instant, timeZone);
  return `${year}-${String(month).padStart(2, '0')}`;
}

interface ZonedParts {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
}

function zonedParts(instant: Date, timeZone: string): ZonedParts {
  const format = new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' });
  const parts = Object.fromEntries(format.formatToParts(instant).map((part) => [part.type, Number(part.value)]));
  return parts as unknown as ZonedParts;
}

/** The first instant of a local day. Two rounds settle the offset, also where the clocks change that night. */
function zonedMidnight(year: number, monthIndex: number, day: number, timeZone: string): Date {
  const wanted = Date.UTC(year, monthIndex, day);
  let guess = wanted;
  for (let round = 0; round < 2; round += 1) {
    const parts = zonedParts(new Date(guess), timeZone);
    const shown = Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second);
    guess += wanted - shown;
  }
  return new Date(guess);
}
