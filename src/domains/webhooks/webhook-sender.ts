import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { Config } from '../../platform/config/config.js';
import { DomainError } from '../../platform/errors/domain-error.js';
import { OutboundClient } from '../../platform/outbound/outbound-client.js';
import { outboundRules } from '../../platform/outbound/outbound-rules.policy.js';
import { demandOutboundUrl } from '../../platform/outbound/outbound-url.policy.js';
import { CONFIG } from '../../platform/tokens.js';
import { CLOUD_EVENTS_JSON, toCloudEvent } from '../events/cloud-event.policy.js';
import type { PlatformEvent } from '../events/platform-event.js';
import type { DeliveryAnswer } from './delivery-outcome.policy.js';
import { signatureFields } from './webhook-signature.policy.js';

const TIMEOUT_MS = 10_000;

export interface SentDelivery {
  at: Date;
  durationMs: number;
  answer: DeliveryAnswer;
}

/** The way to addresses that tenants name: one signed request, judged anew at each connection, never redirected. */
@Injectable()
export class WebhookSender implements OnModuleDestroy {
  private readonly client: OutboundClient;

  constructor(@Inject(CONFIG) private readonly config: Config) {
    this.client = new OutboundClient(outboundRules(config));
  }

  async onModuleDestroy(): Promise<void> {
    await this.client.close();
  }

  /** For the moment when a tenant names it. @throws {DomainError} OUTBOUND_URL_INVALID, OUTBOUND_ADDRESS_CLOSED. */
  demandUrl(url: string): void {
    demandOutboundUrl(url, outboundRules(this.config));
  }

  /** @param secrets those that are in force, the newest first. */
  async send(url: string, event: PlatformEvent, tenantName: string, secrets: readonly string[]): Promise<SentDelivery> {
    const at = new Date();
    const body = JSON.stringify(toCloudEvent(event, tenantName));
    const since = performance.now();
    const answer = await this.answerOf(url, body, { 'content-type': CLOUD_EVENTS_JSON, 'user-agent': 'fnplane-webhooks/1', ...signatureFields(event.id, at, body, secrets) });
    return { at, durationMs: performance.now() - since, answer };
  }

  private async answerOf(url: string, body: string, headers: Record<string, string>): Promise<DeliveryAnswer> {
    try {
      const { status } = await this.client.send({ url, method: 'POST', headers, body, timeoutMs: TIMEOUT_MS, statusOnly: true });
      return { status };
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      return { error: { code: error.code, message: error.message } };
    }
  }
}
