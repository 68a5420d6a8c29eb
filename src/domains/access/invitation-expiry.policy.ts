const DAY_MS = 24 * 60 * 60_000;
const DEFAULT_DAYS = 7;
export const MOST_INVITATION_DAYS = 30;

/** When an invitation ends; undefined for a time that has passed or is too far away. */
export function invitationExpiry(asked: Date | undefined, now: Date): Date | undefined {
  const at = asked?.getTime() ?? now.getTime() + DEFAULT_DAYS * DAY_MS;
  return at > now.getTime() && at <= now.getTime() + MOST_INVITATION_DAYS * DAY_MS ? new Date(at) : undefined;
}
