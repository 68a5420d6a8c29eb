import { encodeCursor, type Page } from '../../../platform/database/page.js';
import type { Connection, ConnectionArgs } from '../../../platform/graphql/connection.js';
import { etagOf } from '../../../platform/rest/etag.js';
import { toOperationModel } from '../../operations/api/operation.mapper.js';
import { toConditionModel } from '../../tenants/api/tenant.mapper.js';
import { DEFAULT_SECRET_DELIVERY, type FunctionBody } from '../function-body.js';
import { withoutAbsent } from '../function-parts.policy.js';
import type { Deployment, FunctionPatch } from '../functions.service.js';
import type { FunctionWithTarget } from '../store/function.entity.js';
import type { RevisionEntity } from '../store/revision.entity.js';
import type { FunctionPatchBody, WholeFunctionFields } from './function-fields.model.js';
import { AcceptedFunction, FunctionModel, type FunctionPayload } from './function.model.js';
import { toReleaseStatus } from './release-status.mapper.js';
import { RevisionModel } from './revision.model.js';

/** Where functions are invoked: the gateway's address, without a slash at its end. */
export interface Addresses {
  gatewayUrl: string;
  tenantName: string;
}

export function functionUrl({ gatewayUrl, tenantName }: Addresses, functionName: string): string {
  return `${gatewayUrl.replace(/\/+$/, '')}/${tenantName}/${functionName}/`;
}

/** Both transports' bodies as the one command; null is the same as absent. */
export function toFunctionBody(name: string, fields: WholeFunctionFields): FunctionBody {
  return { ...(withoutAbsent({ ...fields }) as FunctionBody), name };
}

/** Nulls stay: they remove. */
export function toFunctionPatch(patch: FunctionPatchBody): FunctionPatch {
  return JSON.parse(JSON.stringify(patch)) as FunctionPatch;
}

export function toFunctionModel(row: FunctionWithTarget, addresses: Addresses): FunctionModel {
  const { target, effective } = { target: row.target, effective: row.target.effective };
  const { runtime: _, handler, secretDelivery = DEFAULT_SECRET_DELIVERY, ...rest } = effective;
  return Object.assign(new FunctionModel(), target.spec, row.settings, {
    id: row.id, tenantId: row.tenantId, name: row.name, state: row.state, generation: row.generation, etag: etagOf(row), createdAt: row.createdAt, updatedAt: row.updatedAt,
    effective: { ...rest, secretDelivery, handler: handler === '' ? undefined : handler, scaling: row.scaling, traffic: row.traffic, rollout: row.rollout, authentication: row.authentication, image: target.image ?? undefined },
    status: {
      observedGeneration: row.observedGeneration, targetRevision: row.targetRevision, servingRevision: row.servingRevision ?? undefined,
      replicas: row.replicas, readyReplicas: row.readyReplicas, url: functionUrl(addresses, row.name),
      ...toReleaseStatus(row, (tag) => functionUrl(addresses, `${tag}---${row.name}`)), conditions: row.conditions.map(toConditionModel),
    },
  });
}

export function toRevisionModel(row: RevisionEntity): RevisionModel {
  const { runtime: _, handler, secretDelivery = DEFAULT_SECRET_DELIVERY, ...rest } = row.effective;
  return Object.assign(new RevisionModel(), row.spec, {
    tenantId: row.tenantId, functionId: row.functionId, number: row.number, buildState: row.buildState, buildError: row.buildError ?? undefined, pinned: row.pinned,
    createdBy: row.createdBy, createdAt: row.createdAt, effective: { ...rest, secretDelivery, handler: handler === '' ? undefined : handler, image: row.image ?? undefined },
  });
}

export function toAcceptedFunction(deployment: Deployment, addresses: Addresses): AcceptedFunction {
  const operation = deployment.operation && toOperationModel(deployment.operation);
  return Object.assign(new AcceptedFunction(), toFunctionModel(deployment.function, addresses), { operation });
}

export function toFunctionPayload(deployment: Deployment, addresses: Addresses): Omit<FunctionPayload, 'userErrors'> {
  return { function: toFunctionModel(deployment.function, addresses), operation: deployment.operation && toOperationModel(deployment.operation) };
}

/** Revisions are paged by age and number: they have no id of their own. */
export function toRevisionConnection(page: Page<RevisionEntity>, args: ConnectionArgs): Connection<RevisionModel> {
  const nodes = page.items.map(toRevisionModel);
  const edges = nodes.map((node) => ({ cursor: encodeCursor({ time: node.createdAt.toISOString(), id: String(node.number) }), node }));
  return {
    edges, nodes,
    pageInfo: { hasNextPage: page.nextCursor !== null, hasPreviousPage: Boolean(args.after), startCursor: edges[0]?.cursor ?? null, endCursor: edges.at(-1)?.cursor ?? null },
  };
}
