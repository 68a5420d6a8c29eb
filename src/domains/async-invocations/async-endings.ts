import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import type { TenantContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import { DomainError } from '../../platform/errors/domain-error.js';
import { EventsService } from '../events/events.service.js';
import { WebhookDestinations } from '../webhooks/webhook-destinations.js';
import { MOST_HOPS, type AsyncDestination, type DestinationResult } from './async-destination.js';
import { destinationRecord, type EndedInvocation } from './destination-record.policy.js';
import { QueueBound } from './queue-bound.js';
import { AsyncInvocationsRepository } from './store/async-invocations.repository.js';
import { AsyncPoliciesRepository } from './store/async-policies.repository.js';
import { AsyncRunsRepository, type RunRecord } from './store/async-runs.repository.js';

/** Writes how invocations end, and in the same transaction what follows from that: the event of a dead letter, and what the function's policy says. */
@Injectable()
export class AsyncEndings {
  constructor(
    private readonly database: Database,
    private readonly runs: AsyncRunsRepository,
    private readonly policies: AsyncPoliciesRepository,
    private readonly invocations: AsyncInvocationsRepository,
    private readonly bound: QueueBound,
    private readonly webhooks: WebhookDestinations,
    private readonly events: EventsService,
  ) {}

  /** @returns false where another run has taken it over, or it is gone. */
  record(context: TenantContext, id: string, record: RunRecord): Promise<boolean> {
    if (record.outcome.next === 'again') return this.runs.record(context, id, record);
    return this.ending(context, id, () => this.runs.record(context, id, record));
  }

  /** @returns whether it was this call that ended it. */
  expire(context: TenantContext, id: string): Promise<boolean> {
    return this.ending(context, id, () => this.runs.expire(context, id));
  }

  private ending(context: TenantContext, id: string, end: () => Promise<boolean>): Promise<boolean> {
    return this.database.transaction(context, async () => {
      if (!(await end())) return false;
      const ended = await this.runs.findEnded(context, id);
      if (ended) await this.tell(context, ended);
      return true;
    });
  }

  private async tell(context: TenantContext, ended: EndedInvocation): Promise<void> {
    if (ended.state === 'failed') {
      const { function: name, errorCode: code, status, attempts } = ended;
      await this.events.record(context, { type: 'async-invocation.failed', subject: `async-invocations/${ended.id}`, data: { function: name, code, status, attempts } });
    }
    // One that failed for being led to in a circle leads nowhere.
    if (ended.hops > MOST_HOPS) return;
    const policy = await this.policies.find(context, ended.functionId);
    const destination = ended.state === 'succeeded' ? policy?.onSuccess : policy?.onFailure;
    if (destination) await this.runs.recordDestination(context, ended.id, await this.reach(context, ended, destination));
  }

  private async reach(context: TenantContext, ended: EndedInvocation, destination: AsyncDestination): Promise<DestinationResult> {
    if ('function' in destination) return this.invoke(context, ended, destination.function);
    const event = await this.webhooks.tell(context, ended.functionId, ended.state === 'succeeded' ? 'success' : 'failure', {
      type: `async-invocation.${ended.state}`, subject: `async-invocations/${ended.id}`, data: { ...destinationRecord(ended) },
    });
    return event === undefined ? { error: { code: 'WEBHOOK_NOT_FOUND', message: 'The webhook is gone.' } } : { event };
  }

  /** In the name of who asked for the first one. What keeps it from being accepted is told, and undoes nothing. */
  private async invoke(context: TenantContext, ended: EndedInvocation, name: string): Promise<DestinationResult> {
    try {
      await this.bound.admit(context);
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'ASYNC_QUEUE_FULL') throw error;
      return { error: { code: error.code, message: error.message } };
    }
    const asked = { ...context, principal: { ...context.principal, key: ended.principal } };
    const accepted = await this.invocations.accept(asked, {
      id: randomUUID(), function: name, method: 'POST', path: '/', headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(destinationRecord(ended))),
      maxAttempts: undefined, maxAgeSeconds: undefined, scheduledFor: undefined, trigger: undefined, hops: ended.hops + 1,
    });
    return accepted ? { invocation: accepted.id } : { error: { code: 'FUNCTION_NOT_FOUND', message: `There is no function ${name} in this tenant.` } };
  }
}
