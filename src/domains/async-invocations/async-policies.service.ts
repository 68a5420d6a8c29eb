import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { Envelope } from '../../platform/crypto/envelope.js';
import { Database } from '../../platform/database/database.js';
import { DomainError } from '../../platform/errors/domain-error.js';
import { checkEtag, type ExpectedEtag } from '../../platform/rest/etag.js';
import { AuditService } from '../audit/audit.service.js';
import { isSame } from '../functions/function-parts.policy.js';
import { functionDeleting } from '../functions/functions.errors.js';
import { FunctionsService } from '../functions/functions.service.js';
import { TenantsService } from '../tenants/tenants.service.js';
import { WebhookDestinations } from '../webhooks/webhook-destinations.js';
import type { Webhook } from '../webhooks/webhook-views.js';
import type { AsyncDestination, AsyncPolicyBody } from './async-destination.js';
import { asyncDestinationInvalid, asyncPolicyNotFound } from './async-policies.errors.js';
import type { AsyncPolicyEntity } from './store/async-policy.entity.js';
import { AsyncPoliciesRepository } from './store/async-policies.repository.js';

/** By the field of a policy. */
const OUTCOMES = { onSuccess: 'success', onFailure: 'failure' } as const;
type Field = keyof typeof OUTCOMES;

/** A policy and how its destinations stand. */
export interface AsyncPolicy extends AsyncPolicyEntity {
  functionName: string;
  webhooks: Partial<Record<Field, Webhook>>;
}

/** What was put, with the secrets of webhooks that were made: this is the only time they can be seen. */
export interface PutAsyncPolicy {
  policy: AsyncPolicy;
  secrets: Partial<Record<Field, string>>;
}

/** What holds for all asynchronous invocations of a function, and where they end. */
@Injectable()
export class AsyncPoliciesService {
  constructor(
    private readonly database: Database,
    private readonly policies: AsyncPoliciesRepository,
    private readonly functions: FunctionsService,
    private readonly tenants: TenantsService,
    private readonly destinations: WebhookDestinations,
    private readonly envelope: Envelope,
    private readonly audit: AuditService,
  ) {}

  /** @throws {DomainError} FUNCTION_NOT_FOUND, ASYNC_POLICY_NOT_FOUND. */
  get(context: TenantContext, reference: string): Promise<AsyncPolicy> {
    return this.database.transaction(context, async () => {
      const fn = await this.functions.get(context, reference);
      const row = await this.policies.find(context, fn.id);
      if (!row) throw asyncPolicyNotFound();
      return this.viewed(context, row, fn.name);
    });
  }

  /**
   * Writes the whole of it. Webhooks that were there keep their secret.
   * @throws {DomainError} FUNCTION_NOT_FOUND, FUNCTION_DELETING, ETAG_MISMATCH, ASYNC_DESTINATION_INVALID, and with its pointer OUTBOUND_URL_INVALID, OUTBOUND_ADDRESS_CLOSED.
   */
  put(context: TenantContext, reference: string, body: AsyncPolicyBody, expected: ExpectedEtag): Promise<PutAsyncPolicy> {
    this.checkUrls(body);
    return this.envelope.inTurn(() => this.database.transaction(context, async () => {
      const { fn, row } = await this.locked(context, reference, expected);
      if (fn.state === 'deleting') throw functionDeleting(fn.name);
      const before = row && bodyOf(row);
      if (row && before && isSame(before, body) && !(await this.isGivenUp(context, fn.id))) return { policy: await this.viewed(context, row, fn.name), secrets: {} };
      for (const field of Object.keys(OUTCOMES) as Field[]) await this.checkFunction(context, field, body[field]);
      const secrets: PutAsyncPolicy['secrets'] = {};
      for (const field of Object.keys(OUTCOMES) as Field[]) {
        const secret = await this.putWebhook(context, fn.id, field, body[field]);
        if (secret !== undefined) secrets[field] = secret;
      }
      const written = await this.policies.put(context, fn.id, body);
      await this.audit.record(context, { action: 'async-policy.update', target: { kind: 'function', id: fn.id, name: fn.name }, ...(before ? { before } : {}), after: body });
      return { policy: await this.viewed(context, written, fn.name), secrets };
    }));
  }

  /** @throws {DomainError} FUNCTION_NOT_FOUND, ASYNC_POLICY_NOT_FOUND, ETAG_MISMATCH. */
  delete(context: TenantContext, reference: string, expected: ExpectedEtag): Promise<AsyncPolicy> {
    return this.database.transaction(context, async () => {
      const { fn, row } = await this.locked(context, reference, expected);
      if (!row) throw asyncPolicyNotFound();
      const policy = await this.viewed(context, row, fn.name);
      for (const outcome of Object.values(OUTCOMES)) await this.destinations.remove(context, fn.id, outcome);
      await this.policies.remove(context, fn.id);
      await this.audit.record(context, { action: 'async-policy.delete', target: { kind: 'function', id: fn.id, name: fn.name }, before: bodyOf(row) });
      return policy;
    });
  }

  private async locked(context: TenantContext, reference: string, expected: ExpectedEtag) {
    await this.tenants.requireWritable(context);
    const fn = await this.functions.get(context, reference);
    await this.policies.hold(context, fn.id);
    const row = await this.policies.find(context, fn.id);
    if (row) checkEtag(expected, { id: fn.id, version: row.version });
    else if (expected !== undefined) throw new DomainError('precondition-failed', 'ETAG_MISMATCH', 'The function has no policy that the change could be based on.');
    return { fn, row };
  }

  private checkUrls(body: AsyncPolicyBody): void {
    for (const field of Object.keys(OUTCOMES) as Field[]) {
      const destination = body[field];
      if (!destination || !('webhook' in destination)) continue;
      try {
        this.destinations.demandUrl(destination.webhook.url);
      } catch (error) {
        throw error instanceof DomainError ? asyncDestinationInvalid(`/${field}/webhook/url`, error.message, error.code) : error;
      }
    }
  }

  private async checkFunction(context: TenantContext, field: Field, destination: AsyncDestination | null): Promise<void> {
    if (!destination || !('function' in destination)) return;
    const found = await this.functions.get(context, destination.function).catch((error: unknown) => {
      if (error instanceof DomainError && error.kind === 'not-found') return undefined;
      throw error;
    });
    if (found?.name !== destination.function || found.state === 'deleting') throw asyncDestinationInvalid(`/${field}/function`, 'names no function of this tenant');
  }

  private async putWebhook(context: TenantContext, functionId: string, field: Field, destination: AsyncDestination | null): Promise<string | undefined> {
    if (destination && 'webhook' in destination) return this.destinations.put(context, functionId, OUTCOMES[field], destination.webhook.url);
    await this.destinations.remove(context, functionId, OUTCOMES[field]);
    return undefined;
  }

  private async isGivenUp(context: TenantContext, functionId: string): Promise<boolean> {
    return Object.values(await this.destinations.statusOf(context, functionId)).some(({ ended }) => ended !== null);
  }

  private async viewed(context: TenantContext, row: AsyncPolicyEntity, functionName: string): Promise<AsyncPolicy> {
    const { success, failure } = await this.destinations.statusOf(context, row.functionId);
    return { ...row, functionName, webhooks: { ...(success ? { onSuccess: success } : {}), ...(failure ? { onFailure: failure } : {}) } };
  }
}

function bodyOf({ maxAttempts, maxAgeSeconds, onSuccess, onFailure }: AsyncPolicyEntity): AsyncPolicyBody {
  return { maxAttempts, maxAgeSeconds, onSuccess, onFailure };
}
