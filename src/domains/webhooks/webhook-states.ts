/** Kind of the job that sends what one webhook is to get (Postgres' `wake_webhooks` asks for it, too); its key is `<tenant id>/<webhook id>`. */
export const WEBHOOK_JOB = 'webhook';

export function webhookJobKey(tenantId: string, webhookId: string): string {
  return `${tenantId}/${webhookId}`;
}

export const WEBHOOK_STATES = ['active', 'failing', 'disabled'] as const;
export type WebhookState = (typeof WEBHOOK_STATES)[number];

/** Who or what ended the sending: its owner, an answer 410, three days of failures. */
export const DISABLED_REASONS = ['owner', 'gone', 'failing'] as const;
export type DisabledReason = (typeof DISABLED_REASONS)[number];
/** How an invocation ended that a destination is told of. */
export type DestinationOutcome = 'success' | 'failure';

export type EndedReason = Exclude<DisabledReason, 'owner'>;

/** Of one tenant; a place where asynchronous invocations end is none of them. */
export const MOST_WEBHOOKS = 20;
/** Records of tries that are kept of each. */
export const DELIVERIES_KEPT = 100;
/** What waits is counted up to this. */
export const MOST_BACKLOG = 1_000;
export const DEFAULT_OVERLAP_SECONDS = 86_400;
export const MOST_OVERLAP_SECONDS = 604_800;
