import { DomainError, type FieldProblem } from '../../platform/errors/domain-error.js';

export type KafkaTriggerErrorCode =
  | 'KAFKA_TRIGGER_NOT_FOUND' | 'KAFKA_TRIGGER_NAME_TAKEN' | 'KAFKA_TRIGGER_INVALID' | 'KAFKA_TRIGGER_GROUP_TAKEN' | 'KAFKA_TRIGGER_FUNCTION_NOT_FOUND' | 'TOO_MANY_KAFKA_TRIGGERS';

export function kafkaTriggerNotFound(): DomainError<KafkaTriggerErrorCode> {
  return new DomainError('not-found', 'KAFKA_TRIGGER_NOT_FOUND', 'There is no such Kafka trigger in this tenant.');
}

export function kafkaTriggerNameTaken(name: string): DomainError<KafkaTriggerErrorCode> {
  return new DomainError('conflict', 'KAFKA_TRIGGER_NAME_TAKEN', `This tenant already has a Kafka trigger ${name}; PATCH changes it.`, { fields: [{ pointer: '/name', message: 'is taken' }] });
}

export function kafkaTriggerInvalid(fields: FieldProblem[]): DomainError<KafkaTriggerErrorCode> {
  const first = fields[0]!;
  return new DomainError('invalid', 'KAFKA_TRIGGER_INVALID', `${first.pointer}: ${first.message}${fields.length > 1 ? ` (and ${fields.length - 1} more)` : ''}.`, { fields });
}

export function groupTaken(group: string): DomainError<KafkaTriggerErrorCode> {
  return new DomainError('conflict', 'KAFKA_TRIGGER_GROUP_TAKEN', `Another Kafka trigger of this tenant reads as ${group}, and a group has one trigger; choose another name for this one's group.`, { fields: [{ pointer: '/consumerGroup', message: 'is another trigger\'s' }] });
}

export function kafkaFunctionNotFound(name: string): DomainError<KafkaTriggerErrorCode> {
  return new DomainError('invalid', 'KAFKA_TRIGGER_FUNCTION_NOT_FOUND', `There is no function ${name} in this tenant.`, { fields: [{ pointer: '/function', message: 'names no function of this tenant' }] });
}

export function tooManyKafkaTriggers(most: number): DomainError<KafkaTriggerErrorCode> {
  return new DomainError('conflict', 'TOO_MANY_KAFKA_TRIGGERS', `The tenant has ${most} Kafka triggers, and no tenant has more; delete one first.`, { details: { allowed: most } });
}
