import { expect, it } from 'vitest';
import { invitationExpiry } from './invitation-expiry.policy.js';

const now = new Date('2026-03-01T12:00:00Z');
const after = (days: number, ms = 0): Date => new Date(now.getTime() + days * 86_400_000 + ms);

it.each([
  ['a week from now when nobody says', undefined, after(7)], ['when it is asked for', after(3), after(3)], ['after thirty days at most', after(30), after(30)],
  ['not later', after(30, 1), undefined], ['not at once', now, undefined], ['not before it was made', after(-1), undefined], ['not at no time at all', new Date(Number.NaN), undefined],
])('an invitation ends %s', (_name, asked, expected) => {
  expect(invitationExpiry(asked, now)).toEqual(expected);
});
