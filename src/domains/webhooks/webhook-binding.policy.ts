/** What a sealed signing secret belongs to: in another row it does not open. */
export function webhookSecretBinding(tenantId: string, webhookId: string, number: number): string {
  return `webhook-secret:${tenantId}:${webhookId}:${number}`;
}
