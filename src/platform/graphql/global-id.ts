import { DomainError } from '../errors/domain-error.js';

/** A Relay global id: what it is, whose it is, which one. Opaque to clients. */
export interface GlobalId {
  type: string;
  tenantId: string;
  id: string;
}

export function encodeGlobalId(type: string, tenantId: string, id: string): string {
  return Buffer.from(`${type}:${tenantId}:${id}`).toString('base64url');
}

/** @throws {DomainError} NODE_ID_INVALID for what this API never handed out. */
export function decodeGlobalId(value: string): GlobalId {
  const [type, tenantId, id, rest] = value.length <= 400 ? Buffer.from(value, 'base64url').toString('utf8').split(':') : [];
  if (!type || !/^[A-Z][A-Za-z]+$/.test(type) || tenantId === undefined || !id || rest !== undefined) {
    throw new DomainError('invalid', 'NODE_ID_INVALID', 'The id is not one that this API gave.', { fields: [{ pointer: '/id', message: 'is not a node id' }] });
  }
  return { type, tenantId, id };
}
