import { describe, expect, it } from 'vitest';
import { lastDue, nextDue, scheduleProblem, timeZoneProblem } from './schedule.policy.js';

describe('a schedule', () => {
  it.each([
    '* * * * *', '* * * * * *', '*/5 * * * *', '0 0 1 1 *', '30 2 * * MON-FRI', '0 12 1,15 jan-mar *', '0 0 * * 7', '0 0 * * FRI-SUN', '0 0 * * sun', '0 0 29 2 *', '0 0 31 2 mon', '0-30/10 8-18 * * *', ' 1  2\t* * * ', '5,10,15 * * * * *', '0 0 31 2,3 *',
  ])('%j is taken, and comes', (schedule) => {
    expect(scheduleProblem(schedule)).toBeUndefined();
    expect(nextDue(schedule, 'Europe/Berlin', Date.UTC(2026, 10, 26))).toBeGreaterThan(Date.UTC(2026, 10, 26));
  });

  it.each<[string, RegExp]>([
    ['', /it has 0/], ['* * * *', /it has 4/], ['* * * * * * *', /it has 7/], ['@daily', /nicknames/], ['0 0 30 2 *', /never comes/], ['0 0 31 4,6,9,11 *', /never comes/],
    ['60 * * * *', /minute: "60" is outside 0 to 59/], ['* 24 * * *', /hour/], ['* * 0 * *', /day of the month/], ['* * * 13 *', /month/], ['* * * foo *', /jan to dec/], ['* * * * 8', /day of the week/], ['jan * * * *', /minute/],
    ['60 * * * * *', /second/], ['5/10 * * * *', /write 5-59\/10/], ['*/0 * * * *', /step/], ['*/90 * * * *', /step/], ['30-10 * * * *', /ends before it begins/], ['0 0 * * fri-mon', /ends before/],
    ['0 0 L * *', /L, W, #/], ['0 0 15W * *', /L, W, #/], ['0 0 * * 1#2', /L, W, #/], ['0 0 ? * *', /L, W, #/], ['0 0 1 * +mon', /L, W, #/], ['1,,2 * * * *', /"" is none/], ['1-2-3 * * * *', /is none of/], ['١ * * * *', /is none of/], ['-1 * * * *', /is none of/],
    [`0 0 ${'1,'.repeat(200)}1 * *`, /at most 200/],
  ])('%j is refused: %s', (schedule, words) => {
    expect(scheduleProblem(schedule)).toMatch(words);
  });

  it.each(['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', 'Etc/GMT+5', 'Australia/Lord_Howe'])('may be of %s', (zone) => {
    expect(timeZoneProblem(zone)).toBeUndefined();
  });

  it.each(['', '+01:00', '-05:00', 'Mars/Olympus', 'Europe', 'Europe/Berlin ', 'a'.repeat(65), '../etc'])('is of no %j', (zone) => {
    expect(timeZoneProblem(zone)).toMatch(/IANA/);
  });
});

/** Schedule, zone, from when, and the due times that follow, in UTC. */
type Row = [schedule: string, zone: string, after: string, due: string[]];

const following = ([schedule, zone, after, due]: Row): string[] => {
  const found: string[] = [];
  let time = Date.parse(after);
  for (let index = 0; index < due.length; index += 1) {
    time = nextDue(schedule, zone, time)!;
    found.push(new Date(time).toISOString().slice(0, 16) + (time % 60_000 === 0 ? '' : new Date(time).toISOString().slice(16, 19)));
  }
  return found;
};

describe('where a clock is put forward', () => {
  it.each<Row>([
    ['30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00Z', ['2026-03-29T01:00', '2026-03-30T00:30']],
    ['0,30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00Z', ['2026-03-29T01:00', '2026-03-30T00:00', '2026-03-30T00:30']],
    ['30 1-3 * * *', 'Europe/Berlin', '2026-03-28T23:00Z', ['2026-03-29T00:30', '2026-03-29T01:00', '2026-03-29T01:30', '2026-03-29T23:30']],
    ['0 3 * * *', 'Europe/Berlin', '2026-03-28T12:00Z', ['2026-03-29T01:00', '2026-03-30T01:00']],
    ['*/20 * * * *', 'Europe/Berlin', '2026-03-29T00:30Z', ['2026-03-29T00:40', '2026-03-29T01:00', '2026-03-29T01:20']],
    ['*/20 2 * * *', 'Europe/Berlin', '2026-03-28T12:00Z', ['2026-03-30T00:00', '2026-03-30T00:20']],
    ['30 2 * * *', 'America/New_York', '2026-03-07T12:00Z', ['2026-03-08T07:00', '2026-03-09T06:30']],
    ['30 2 8 3 *', 'America/New_York', '2026-03-01T12:00Z', ['2026-03-08T07:00', '2027-03-08T07:30']],
    ['15 2 * * *', 'Australia/Lord_Howe', '2026-10-03T00:00Z', ['2026-10-03T15:30', '2026-10-04T15:15']],
    ['0 * * * *', 'Australia/Lord_Howe', '2026-10-03T14:20Z', ['2026-10-03T14:30', '2026-10-03T16:00', '2026-10-03T17:00']],
    ['45 2 * * *', 'Australia/Lord_Howe', '2026-10-03T00:00Z', ['2026-10-03T15:45', '2026-10-04T15:45']],
  ])('%s in %s after %s', (...row) => {
    expect(following(row)).toEqual(row[3]);
  });
});

describe('where a clock is put back', () => {
  it.each<Row>([
    ['30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00Z', ['2026-10-25T00:30', '2026-10-26T01:30']],
    ['0,30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00Z', ['2026-10-25T00:00', '2026-10-25T00:30', '2026-10-26T01:00']],
    ['*/30 * * * *', 'Europe/Berlin', '2026-10-25T00:10Z', ['2026-10-25T00:30', '2026-10-25T01:00', '2026-10-25T01:30', '2026-10-25T02:00']],
    ['30 1 * * *', 'America/New_York', '2026-10-31T12:00Z', ['2026-11-01T05:30', '2026-11-02T06:30']],
    ['0 0 2 * * *', 'America/New_York', '2026-10-31T12:00Z', ['2026-11-01T07:00', '2026-11-02T07:00']],
    ['45 1 * * *', 'Australia/Lord_Howe', '2026-04-03T20:00Z', ['2026-04-04T14:45', '2026-04-05T15:15']],
    ['*/15 * * * *', 'Australia/Lord_Howe', '2026-04-04T14:20Z', ['2026-04-04T14:30', '2026-04-04T14:45', '2026-04-04T15:00', '2026-04-04T15:15', '2026-04-04T15:30']],
    ['0 * * * *', 'Australia/Lord_Howe', '2026-04-04T13:20Z', ['2026-04-04T14:00', '2026-04-04T15:30', '2026-04-04T16:30']],
  ])('%s in %s after %s', (...row) => {
    expect(following(row)).toEqual(row[3]);
  });

  it('a second never comes twice, nor is one lost', () => {
    let time = Date.parse('2026-10-25T00:59:55Z');
    for (let index = 1; index <= 10; index += 1) expect(time = nextDue('* * * * * *', 'Europe/Berlin', time)!).toBe(Date.parse('2026-10-25T00:59:55Z') + index * 1000);
  });
});

it('the last due times are told with both ends, oldest first', () => {
  const at = (text: string): number => Date.parse(`2026-11-26T${text}Z`);
  expect(lastDue('*/10 * * * * *', 'UTC', { since: at('10:00:10'), until: at('10:00:40') + 500, most: 10 })).toEqual(['10:00:10', '10:00:20', '10:00:30', '10:00:40'].map(at));
  expect(lastDue('*/10 * * * * *', 'UTC', { since: at('10:00:10'), until: at('10:00:40'), most: 2 })).toEqual(['10:00:30', '10:00:40'].map(at));
  expect(nextDue('*/10 * * * * *', 'UTC', at('10:00:10') + 999)).toBe(at('10:00:20'));
});

it('many different ones are asked in turn', () => {
  for (let index = 0; index < 500; index += 1) expect(nextDue(`${index % 60} ${index % 24} * * *`, 'UTC', Date.UTC(2026, 0, 1))).toBeDefined();
});
