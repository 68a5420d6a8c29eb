import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { JobQueue } from '../../platform/jobs/job-queue.js';
import { ConfigurationListeners, type ConfigurationListener, type ConfigurationReference } from '../configuration/configuration-listeners.js';
import { KafkaTriggersRepository } from './store/kafka-triggers.repository.js';

/** Kind of the work that consumes for one trigger; its key is `<tenant id>/<id>`. */
export const KAFKA_TRIGGER_JOB = 'kafka-trigger';

/** Asks for triggers' consumers to be looked at, also when a secret that they sign in by has a new value. */
@Injectable()
export class KafkaTriggerChanges implements ConfigurationListener, OnModuleInit {
  constructor(
    private readonly listeners: ConfigurationListeners,
    private readonly jobs: JobQueue,
    private readonly triggers: KafkaTriggersRepository,
  ) {}

  onModuleInit(): void {
    this.listeners.register(this);
  }

  enqueue(context: TenantContext, id: string): Promise<void> {
    return this.jobs.enqueue(context, { kind: KAFKA_TRIGGER_JOB, key: `${context.tenantId}/${id}`, group: context.tenantId });
  }

  async changed(context: TenantContext, { kind, name }: ConfigurationReference): Promise<void> {
    if (kind !== 'secret') return;
    for (const id of await this.triggers.restartUsers(context, name)) await this.enqueue(context, id);
  }

  async usersOf(context: TenantContext, { kind, name }: ConfigurationReference): Promise<string[]> {
    return kind === 'secret' ? (await this.triggers.findUsers(context, name)).map((trigger) => `(Kafka trigger) ${trigger.name}`) : [];
  }
}
