/** What a tenant can hear of: the closed list. As CloudEvents each is `dev.fnplane.<type>.v1`. */
export const EVENT_TYPES = [
  'function.deployed', 'function.ready', 'function.failed', 'function.deleted',
  'release.promoted', 'release.aborted',
  'tenant.suspended', 'tenant.resumed',
  'spend.limit-reached', 'spend.limit-lifted',
  'async-invocation.failed',
  'secret.rotated',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** Sent to one webhook and to nobody else, and in no list. */
export const DIRECTED_TYPES = ['webhook.test', 'async-invocation.succeeded', 'async-invocation.failed'] as const;
export type DirectedType = (typeof DIRECTED_TYPES)[number];

/** Days that events are kept. */
export const EVENTS_KEPT_DAYS = 30;
