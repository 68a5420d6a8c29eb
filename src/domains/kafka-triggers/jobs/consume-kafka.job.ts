import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { Config } from '../../../platform/config/config.js';
import { systemContext, tenantJobContext, type TenantContext } from '../../../platform/context/context.js';
import { DomainError } from '../../../platform/errors/domain-error.js';
import { againAfter, DONE, type JobHandler, type JobOutcome } from '../../../platform/jobs/job-runner.js';
import { brokerAccess } from '../../../platform/kafka/broker-access.policy.js';
import { brokerRules } from '../../../platform/kafka/broker-rules.policy.js';
import { backoffMs } from '../../../platform/kubernetes/backoff.js';
import { addLogContext, partLogger } from '../../../platform/observability/logger.js';
import { CONFIG } from '../../../platform/tokens.js';
import { EnvironmentService } from '../../configuration/environment.service.js';
import { FunctionCalls } from '../../invocations/function-calls.js';
import { TenantDirectory } from '../../tenants/tenant-directory.js';
import { CONSUMING, isOfOwner, PLATFORM_ERROR, STARTING, stateOfError, SUSPENDED, TENANT_SUSPENDED, type ReadyState } from '../consumer-state.policy.js';
import { ConsumerTally } from '../consumer-tally.js';
import { KAFKA_TRIGGER_JOB } from '../kafka-trigger-changes.js';
import { consumers } from '../kafka-trigger-metrics.js';
import { effectiveOf } from '../kafka-trigger-rules.policy.js';
import { SharedRoom } from '../shared-room.js';
import { KafkaRunsRepository, type BegunConsumer } from '../store/kafka-runs.repository.js';
import { TriggerConsumer } from './trigger-consumer.js';

/** Consumers in this process, and those of one tenant. */
const CONCURRENCY = 64;
const MOST_OF_ONE_TENANT = 16;
/** Where a process has no room for another one of the tenant's: another process may. */
const NO_ROOM_MS = 5_000;
/** How often a consumer says how it stands, and hears whether it is still wanted. */
const BEAT_MS = 1_000;
/** Whoever could not say so for so long may have lost its lease, and ends: before that has run out. */
const SILENT_MS = 20_000;
/** Then the trigger goes to whoever has room: triggers that wait for a place get one, and new workers their share. */
const TERM_MS = 300_000;
const CALLS = 64;
const BYTES = 512 * 1024 * 1024;
const TENANT_LOOK_AGAIN_MS = 5_000;
const BACKOFF = { baseMs: 1_000, maxMs: 60_000 };
const log = partLogger('kafka');

interface Held {
  context: TenantContext;
  id: string;
  run: string;
  begun: BegunConsumer;
}

/** Consumes for one trigger until it is changed, suspended or deleted, its term is over, or the process ends. */
@Injectable()
export class ConsumeKafkaJob implements JobHandler {
  readonly kind = KAFKA_TRIGGER_JOB;
  readonly concurrency = CONCURRENCY;
  private readonly system = systemContext(KAFKA_TRIGGER_JOB);
  private readonly calling = new SharedRoom(CALLS, CALLS / 2);
  private readonly bytes = new SharedRoom(BYTES, BYTES / 2);
  private readonly running = new Map<string, number>();

  constructor(
    private readonly tenants: TenantDirectory,
    private readonly runs: KafkaRunsRepository,
    private readonly environment: EnvironmentService,
    private readonly calls: FunctionCalls,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** @param key `<tenant id>/<id>` */
  async handle(key: string, signal: AbortSignal): Promise<JobOutcome> {
    const [tenantId = '', id = ''] = key.split('/');
    const running = this.running.get(tenantId) ?? 0;
    if (running >= MOST_OF_ONE_TENANT) return againAfter(NO_ROOM_MS * (0.5 + Math.random()));
    this.running.set(tenantId, running + 1);
    consumers.inc();
    try {
      return await this.hold(tenantId, id, signal);
    } finally {
      consumers.dec();
      const left = this.running.get(tenantId)! - 1;
      if (left === 0) this.running.delete(tenantId);
      else this.running.set(tenantId, left);
    }
  }

  private async hold(tenantId: string, id: string, signal: AbortSignal): Promise<JobOutcome> {
    const tenant = await this.tenants.findAny(this.system, tenantId);
    // A tenant that is being deleted takes its triggers with it.
    if (tenant?.state !== 'active') return DONE;
    const context = tenantJobContext(KAFKA_TRIGGER_JOB, tenant);
    const run = randomUUID();
    const begun = await this.runs.begin(context, id, run);
    if (!begun) return DONE;
    addLogContext({ tenant: context.tenantName, function: begun.function });
    const held = { context, id, run, begun };
    if (begun.settings.suspended) return this.rest(held, SUSPENDED, DONE);
    if (isStopped(tenant.suspension)) return this.rest(held, TENANT_SUSPENDED, againAfter(TENANT_LOOK_AGAIN_MS));
    return this.consume(held, signal);
  }

  private async rest(held: Held, state: ReadyState, outcome: JobOutcome): Promise<JobOutcome> {
    await this.report(held, new ConsumerTally(), { state, failures: 0 });
    return outcome;
  }

  private async consume(held: Held, signal: AbortSignal): Promise<JobOutcome> {
    const tally = new ConsumerTally();
    const failures = held.begun.failures + 1;
    try {
      const consumer = await this.consumerOf(held, tally);
      await this.drive(held, consumer, tally, signal);
      await this.report(held, tally, { state: signal.aborted ? STARTING : undefined, failures: 0 });
      return againAfter(0);
    } catch (error) {
      const state = error instanceof DomainError ? stateOfError(error, failures) : PLATFORM_ERROR;
      await this.report(held, tally, { state, failures }).catch((problem: unknown) => log.warn({ err: problem }, 'the state of a Kafka trigger could not be written down'));
      if (!(error instanceof DomainError) || !isOfOwner(error)) throw error;
      // Of the tenant's own brokers and secrets: its condition says so.
      log.debug({ err: error, trigger: held.id }, 'a Kafka consumer ended');
      return againAfter(backoffMs(failures, BACKOFF));
    }
  }

  private async consumerOf({ context, id, begun }: Held, tally: ConsumerTally): Promise<TriggerConsumer> {
    const trigger = { ...effectiveOf(begun.settings, begun.consumerGroup), id, name: begun.name, function: begun.function };
    const { secret } = trigger.secret === undefined ? { secret: {} } : await this.environment.resolve(context, { configs: [], secrets: [trigger.secret] });
    return new TriggerConsumer({ context, trigger, calls: this.calls, room: this.calling, bytes: this.bytes, tally, access: brokerAccess(trigger, secret), rules: brokerRules(this.config) });
  }

  /** Runs the consumer, and beside it says how it stands and hears when it has to end. */
  private async drive(held: Held, consumer: TriggerConsumer, tally: ConsumerTally, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const stop = (): void => consumer.stop();
    signal.addEventListener('abort', stop, { once: true });
    const term = setTimeout(stop, TERM_MS * (0.8 + Math.random() * 0.4));
    let beating: Promise<void> | undefined;
    try {
      beating = this.beat(held, consumer, tally, over.signal);
      if (signal.aborted) consumer.stop();
      await consumer.open();
      if (!consumer.isOpen) return;
      await this.report(held, tally, { state: CONSUMING, failures: 0, consumer });
      await consumer.run();
    } finally {
      clearTimeout(term);
      signal.removeEventListener('abort', stop);
      over.abort();
      consumer.close();
      await beating;
    }
  }

  private async beat(held: Held, consumer: TriggerConsumer, tally: ConsumerTally, over: AbortSignal): Promise<void> {
    for (let heardAt = performance.now(); ;) {
      await pause(BEAT_MS, undefined, { signal: over }).catch(() => undefined);
      if (over.aborted) return;
      try {
        const wanted = await this.report(held, tally, { ...(consumer.isOpen ? { state: tally.state, failures: 0 } : { state: undefined, failures: held.begun.failures }), consumer });
        const tenant = await this.tenants.findAny(this.system, held.context.tenantId);
        if (!wanted || tenant?.state !== 'active' || isStopped(tenant.suspension)) consumer.stop();
        heardAt = performance.now();
      } catch (error) {
        log.warn({ err: error, trigger: held.id }, 'a Kafka consumer cannot say how it stands');
        if (performance.now() - heardAt > SILENT_MS) return consumer.close();
      }
    }
  }

  /** @returns whether the trigger is still as it was begun, and nobody else has it. */
  private async report({ context, id, run, begun }: Held, tally: ConsumerTally, { state, failures, consumer }: { state: ReadyState | undefined; failures: number; consumer?: TriggerConsumer }): Promise<boolean> {
    const sums = tally.take();
    try {
      const epoch = await this.runs.report(context, id, {
        run, epoch: begun.epoch, state, failures, assignedPartitions: consumer?.feeds.length ?? 0, lag: consumer?.lag, ...sums, deliveredSince: sums.delivered > 0,
      });
      return epoch === begun.epoch;
    } catch (error) {
      tally.putBack(sums);
      throw error;
    }
  }
}

function isStopped(suspension: string): boolean {
  return suspension === 'ingress' || suspension === 'compute';
}
