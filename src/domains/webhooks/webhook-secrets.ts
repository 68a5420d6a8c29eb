import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { SystemContext, TenantContext } from '../../platform/context/context.js';
import { Envelope } from '../../platform/crypto/envelope.js';
import type { WrappedKey } from '../../platform/crypto/key-provider.js';
import { SealedHolders, type RewrapResult, type SealedHolder } from '../configuration/sealed-holders.js';
import { WebhookSecretsRepository, type WebhookSecretRow } from './store/webhook-secrets.repository.js';
import { webhookSecretBinding } from './webhook-binding.policy.js';
import { mintWebhookSecret } from './webhook-signature.policy.js';

const BATCH = 200;

/** Signing secrets: made here, shown once, kept sealed as tenants' secrets are; a rotation of encryption keys reaches them. */
@Injectable()
export class WebhookSecrets implements SealedHolder, OnModuleInit {
  constructor(
    private readonly holders: SealedHolders,
    private readonly rows: WebhookSecretsRepository,
    private readonly envelope: Envelope,
  ) {}

  onModuleInit(): void {
    this.holders.register(this);
  }

  /** Makes the webhook's secret of that number. Hold the webhook's lock, and be in the envelope's turn. @returns what its owner is shown this once. */
  async add(context: TenantContext, webhookId: string, number: number, overlapSeconds = 0): Promise<string> {
    const secret = mintWebhookSecret();
    await this.rows.add(context, webhookId, number, await this.envelope.seal(Buffer.from(secret), webhookSecretBinding(context.tenantId, webhookId, number)), overlapSeconds);
    return secret;
  }

  /** Those that sign now, the newest first. @throws {DomainError} KEY_SERVICE_UNAVAILABLE, SECRET_UNREADABLE. */
  async open(context: TenantContext, webhookId: string): Promise<string[]> {
    const rows = await this.rows.findLive(context, webhookId);
    return (await this.envelope.openAll(rows.map(({ keyId, wrappedKey, sealed, number }) => ({ keyId, wrappedKey, sealed, boundTo: webhookSecretBinding(context.tenantId, webhookId, number) })))).map(String);
  }

  keysInUse(context: SystemContext): Promise<string[]> {
    return this.rows.findKeysInUse(context);
  }

  async sample(context: SystemContext, keyId: string): Promise<WrappedKey | undefined> {
    const [row] = await this.rows.findSealedWith(context, keyId, undefined, 1);
    return row && toWrappedKey(row);
  }

  async rewrap(context: SystemContext, from: string, to: string, signal?: AbortSignal): Promise<RewrapResult> {
    const result = { rewrapped: 0, unreadable: 0 };
    let after: WebhookSecretRow | undefined;
    for (;;) {
      signal?.throwIfAborted();
      const page = await this.rows.findSealedWith(context, from, after, BATCH);
      if (page.length === 0) return result;
      const wrapped = this.envelope.canOpen(from) ? await this.envelope.rewrap(from, to, page.map(toWrappedKey), signal) : [];
      for (const [index, row] of page.entries()) {
        const wrappedKey = wrapped[index];
        if (!wrappedKey) result.unreadable += 1;
        else if (await this.rows.rewrap(context, row, to, wrappedKey)) result.rewrapped += 1;
      }
      after = page.at(-1);
    }
  }
}

function toWrappedKey({ tenantId, webhookId, number, wrappedKey }: WebhookSecretRow): WrappedKey {
  return { wrappedKey, boundTo: webhookSecretBinding(tenantId, webhookId, number) };
}
