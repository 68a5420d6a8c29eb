import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Config } from '../../platform/config/config.js';
import type { TenantContext } from '../../platform/context/context.js';
import { Database, isUniqueViolation } from '../../platform/database/database.js';
import type { Page, PageRequest } from '../../platform/database/page.js';
import { DomainError } from '../../platform/errors/domain-error.js';
import { brokerRules } from '../../platform/kafka/broker-rules.policy.js';
import { checkEtag, type ExpectedEtag } from '../../platform/rest/etag.js';
import { CONFIG } from '../../platform/tokens.js';
import { AuditService } from '../audit/audit.service.js';
import { EnvironmentService } from '../configuration/environment.service.js';
import { isSame, mergePatch, withoutAbsent } from '../functions/function-parts.policy.js';
import { atPointer, functionDeleting } from '../functions/functions.errors.js';
import { FunctionsService } from '../functions/functions.service.js';
import { TenantsService } from '../tenants/tenants.service.js';
import { STARTING, SUSPENDED } from './consumer-state.policy.js';
import type { KafkaTriggerBody, KafkaTriggerPatch } from './kafka-trigger-body.js';
import { KafkaTriggerChanges } from './kafka-trigger-changes.js';
import { defaultGroup, kafkaTriggerProblems } from './kafka-trigger-rules.policy.js';
import { groupTaken, kafkaFunctionNotFound, kafkaTriggerInvalid, kafkaTriggerNameTaken, kafkaTriggerNotFound, tooManyKafkaTriggers } from './kafka-triggers.errors.js';
import type { KafkaTriggerEntity } from './store/kafka-trigger.entity.js';
import { KafkaTriggersRepository } from './store/kafka-triggers.repository.js';

/** A trigger as it stands, with its function's name. */
export interface KafkaTrigger {
  row: KafkaTriggerEntity;
  functionName: string;
}

const MOST_KAFKA_TRIGGERS = 100;

/** Topics whose records functions are called with. The workers consume: see `ConsumeKafkaJob`. */
@Injectable()
export class KafkaTriggersService {
  constructor(
    private readonly database: Database,
    private readonly triggers: KafkaTriggersRepository,
    private readonly functions: FunctionsService,
    private readonly environment: EnvironmentService,
    private readonly changes: KafkaTriggerChanges,
    private readonly tenants: TenantsService,
    private readonly audit: AuditService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** By name or id. @throws {DomainError} KAFKA_TRIGGER_NOT_FOUND. */
  async get(context: TenantContext, reference: string): Promise<KafkaTrigger> {
    const row = await this.triggers.find(context, reference);
    if (!row) throw kafkaTriggerNotFound();
    return this.told(context, row);
  }

  async list(context: TenantContext, request: PageRequest, name?: string): Promise<Page<KafkaTrigger>> {
    const { items, nextCursor } = await this.triggers.findPage(context, request, name);
    const names = await this.functions.namesOf(context, items.map(({ functionId }) => functionId));
    return { items: items.map((row) => ({ row, functionName: names.get(row.functionId) ?? '' })), nextCursor };
  }

  /**
   * @throws {DomainError} KAFKA_TRIGGER_INVALID, KAFKA_TRIGGER_NAME_TAKEN, KAFKA_TRIGGER_GROUP_TAKEN, KAFKA_TRIGGER_FUNCTION_NOT_FOUND, TOO_MANY_KAFKA_TRIGGERS,
   *   FUNCTION_DELETING, SECRET_NOT_FOUND.
   */
  create(context: TenantContext, body: KafkaTriggerBody): Promise<KafkaTrigger> {
    return this.claiming(context, body, () => this.database.transaction(context, async () => {
      await this.tenants.requireWritable(context);
      const given = this.valid(body);
      if (await this.triggers.find(context, given.name)) throw kafkaTriggerNameTaken(given.name);
      const functionId = await this.functionOf(context, given.function);
      if ((await this.triggers.countLocked(context)) >= MOST_KAFKA_TRIGGERS) throw tooManyKafkaTriggers(MOST_KAFKA_TRIGGERS);
      await this.holdSecret(context, given);
      const now = new Date();
      const row = await this.triggers.add(context, {
        tenantId: context.tenantId, id: randomUUID(), name: given.name, functionId, ...columnsOf(context, given), version: 1, createdAt: now, updatedAt: now, epoch: 1, run: null,
        assignedPartitions: 0, lag: null, lastDeliveryAt: null, delivered: '0', failed: '0', deadLettered: '0', skipped: '0',
      });
      await this.audit.record(context, { action: 'kafka-trigger.create', target: targetOf(row), after: given });
      await this.changes.enqueue(context, row.id);
      return { row, functionName: given.function };
    }));
  }

  /** RFC 7396 over what the client sent last; the consumer starts anew. @throws {DomainError} KAFKA_TRIGGER_NOT_FOUND, ETAG_MISMATCH and all that {@link create} throws. */
  patch(context: TenantContext, reference: string, patch: KafkaTriggerPatch, expected: ExpectedEtag): Promise<KafkaTrigger> {
    return this.claiming(context, { name: reference, ...patch } as KafkaTriggerBody, () => this.database.transaction(context, async () => {
      await this.tenants.requireWritable(context);
      const row = await this.locked(context, reference, expected);
      const before = bodyOf(await this.told(context, row));
      const after = this.valid(mergePatch(before, patch) as KafkaTriggerBody);
      if (isSame(before, after)) return { row, functionName: before.function };
      const functionId = after.function === before.function ? row.functionId : await this.functionOf(context, after.function);
      await this.holdSecret(context, after);
      const change = { functionId, ...columnsOf(context, after), version: row.version + 1, updatedAt: new Date(), epoch: row.epoch + 1 };
      await this.triggers.update(context, row.id, change);
      await this.audit.record(context, { action: 'kafka-trigger.update', target: targetOf(row), before, after });
      await this.changes.enqueue(context, row.id);
      return { row: { ...row, ...change }, functionName: after.function };
    }));
  }

  /** What the group committed stays with the brokers. @throws {DomainError} KAFKA_TRIGGER_NOT_FOUND, ETAG_MISMATCH. */
  delete(context: TenantContext, reference: string, expected: ExpectedEtag): Promise<KafkaTrigger> {
    return this.database.transaction(context, async () => {
      await this.tenants.requireWritable(context);
      const row = await this.locked(context, reference, expected);
      const trigger = await this.told(context, row);
      await this.triggers.remove(context, row.id);
      await this.audit.record(context, { action: 'kafka-trigger.delete', target: targetOf(row), before: bodyOf(trigger) });
      await this.changes.enqueue(context, row.id);
      return trigger;
    });
  }

  private valid(body: KafkaTriggerBody): KafkaTriggerBody {
    const given = withoutAbsent(body);
    const problems = kafkaTriggerProblems(given, brokerRules(this.config));
    if (problems.length > 0) throw kafkaTriggerInvalid(problems);
    return given;
  }

  private async holdSecret(context: TenantContext, { secret }: KafkaTriggerBody): Promise<void> {
    if (secret === undefined) return;
    await this.environment.hold(context, { configs: [], secrets: [secret] }).catch((error: unknown) => {
      throw error instanceof DomainError ? atPointer(error, '/secret') : error;
    });
  }

  private async locked(context: TenantContext, reference: string, expected: ExpectedEtag): Promise<KafkaTriggerEntity> {
    const row = await this.triggers.find(context, reference, { lock: true });
    if (!row) throw kafkaTriggerNotFound();
    checkEtag(expected, row);
    return row;
  }

  private async functionOf(context: TenantContext, name: string): Promise<string> {
    const fn = await this.functions.get(context, name).catch((error: unknown) => {
      throw error instanceof DomainError && error.kind === 'not-found' ? kafkaFunctionNotFound(name) : error;
    });
    // Answered as it was sent: the name.
    if (fn.name !== name) throw kafkaTriggerInvalid([{ pointer: '/function', message: `must be the function's name, ${fn.name}` }]);
    if (fn.state === 'deleting') throw functionDeleting(name);
    return fn.id;
  }

  private async told(context: TenantContext, row: KafkaTriggerEntity): Promise<KafkaTrigger> {
    return { row, functionName: (await this.functions.namesOf(context, [row.functionId])).get(row.functionId) ?? '' };
  }

  /** Who comes second is told so, whoever was first. */
  private async claiming<T>(context: TenantContext, { name, consumerGroup }: KafkaTriggerBody, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (isUniqueViolation(error, 'kafka_trigger_name')) throw kafkaTriggerNameTaken(name);
      if (isUniqueViolation(error, 'kafka_trigger_group')) throw groupTaken(consumerGroup ?? defaultGroup(context.tenantName, name));
      throw error;
    }
  }
}

/** What the client asks for, and what it says of the state until a worker has taken it up. */
function columnsOf(context: TenantContext, { name, function: _, ...settings }: KafkaTriggerBody) {
  const state = settings.suspended ? SUSPENDED : STARTING;
  return {
    settings, consumerGroup: settings.consumerGroup ?? defaultGroup(context.tenantName, name), secret: settings.secret ?? null, failures: 0, readySince: new Date(),
    readyStatus: state.status, readyReason: state.reason, readyMessage: state.message,
  };
}

function bodyOf({ row, functionName }: KafkaTrigger): KafkaTriggerBody {
  return { name: row.name, function: functionName, ...row.settings };
}

function targetOf({ id, name }: KafkaTriggerEntity): { kind: 'kafka-trigger'; id: string; name: string } {
  return { kind: 'kafka-trigger', id, name };
}
