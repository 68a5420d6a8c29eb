import type { OperationEntity } from '../store/operation.entity.js';
import { OperationModel } from './operation.model.js';

export function toOperationModel(row: OperationEntity): OperationModel {
  const { reason, message, finishedAt, ...rest } = row;
  return Object.assign(new OperationModel(), rest, { reason: reason ?? undefined, message: message ?? undefined, finishedAt: finishedAt ?? undefined });
}
