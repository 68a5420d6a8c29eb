import { stringify } from 'yaml';
import { integer, MAX_GENERATION, objectOf, oneOf, text, type Schema } from './crd-schema.js';
import { API_GROUP, API_VERSION } from './names.js';
import {
  MOST_POOL_PODS, POOL_REASONS, POOL_RUNTIMES, WARM_POOL_NAME, WARM_POOL_PLURAL, type PoolCondition, type PoolRefusal, type PoolRuntimeSpec, type PoolRuntimeStatus, type WarmPoolSpec, type WarmPoolStatus,
} from './pool-resource.js';

export const WARM_POOL_CRD_NAME = `${WARM_POOL_PLURAL}.${API_GROUP}`;

const UUID = '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$';
const NAME = '^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$';
const IMAGE = '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+@sha256:[0-9a-f]{64}$';
const BY_RUNTIME = { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['runtime'] } as const;

function specSchema(): Schema {
  const runtime = objectOf<PoolRuntimeSpec>({
    runtime: oneOf(POOL_RUNTIMES, 'Of the functions that its pods can become.'),
    image: text(IMAGE, 512, 'Runtime image by digest: host/repository@sha256:<64 hex>.'),
    min: integer(0, MOST_POOL_PODS, 'Pods that wait at any time.'),
    max: integer(0, MOST_POOL_PODS, 'Most pods that wait.'),
  }, ['runtime', 'image', 'min', 'max'], { 'x-kubernetes-validations': [{ rule: 'self.min <= self.max', message: 'min must not exceed max' }] });
  return objectOf<WarmPoolSpec>({
    tenant: text(NAME, 40, 'Name of the tenant.'),
    tenantId: { ...text(UUID, 36, 'UUID of the tenant.'), 'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'tenantId cannot be changed' }] },
    runtimes: { type: 'array', maxItems: POOL_RUNTIMES.length, items: runtime, description: 'Pods that wait, by runtime.', ...BY_RUNTIME },
  }, ['tenant', 'tenantId', 'runtimes']);
}

function statusSchema(): Schema {
  const runtime = objectOf<PoolRuntimeStatus>({
    runtime: oneOf(POOL_RUNTIMES, 'Of the functions that its pods can become.'),
    wanted: integer(0, MOST_POOL_PODS, 'Pods wanted waiting by demand.'),
    size: integer(0, 100_000, 'Pods that wait, ready or not.'),
    ready: integer(0, 100_000, 'Pods that could be claimed now.'),
    claimed: integer(0, 100_000, 'Pods that came out of the pool and serve functions.'),
    message: { type: 'string', maxLength: 4_096, description: 'Last problem in words.' },
    claims: integer(0, 100_000, 'Pods asked for by functions in the last ten minutes.'),
    idleMs: integer(0, MAX_GENERATION, 'Milliseconds that pods waited since the pool was made.'),
    refusal: objectOf<PoolRefusal>({
      at: { type: 'string', format: 'date-time', description: 'Since when it is refused so.' },
      message: { type: 'string', maxLength: 4_096, description: 'Why.' },
    }, ['at', 'message'], { description: 'What was refused last for want of quota.' }),
  }, ['runtime', 'wanted', 'size', 'ready', 'claimed']);
  const condition = objectOf<PoolCondition>({
    type: oneOf(['Ready'], 'What the condition is about.'),
    status: oneOf(['True', 'False'], 'Whether it holds.'),
    reason: oneOf(POOL_REASONS, 'Why, for programs.'),
    message: { type: 'string', maxLength: 4_096, description: 'Why, for people.' },
    lastTransitionTime: { type: 'string', format: 'date-time', description: 'When status last changed.' },
    observedGeneration: integer(0, MAX_GENERATION, 'metadata.generation it speaks of.'),
  }, ['type', 'status', 'reason', 'message', 'lastTransitionTime']);
  return objectOf<WarmPoolStatus>({
    observedGeneration: integer(0, MAX_GENERATION, 'metadata.generation that was acted upon.'),
    runtimes: { type: 'array', maxItems: POOL_RUNTIMES.length, items: runtime, description: 'What there is, by runtime.', ...BY_RUNTIME },
    idleCountedAt: { type: 'string', format: 'date-time', description: 'Until when idleMs is counted.' },
    conditions: { type: 'array', maxItems: 4, items: condition, description: 'Ready.', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] },
  }, []);
}

/** The `WarmPool` CustomResourceDefinition: pods of a tenant that wait for a function. */
export function warmPoolCrd() {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: WARM_POOL_CRD_NAME, labels: { 'app.kubernetes.io/managed-by': 'fnplane' } },
    spec: {
      group: API_GROUP,
      scope: 'Namespaced',
      names: { plural: WARM_POOL_PLURAL, singular: 'warmpool', kind: 'WarmPool', listKind: 'WarmPoolList', categories: ['fnplane'] },
      versions: [{
        name: API_VERSION,
        served: true,
        storage: true,
        subresources: { status: {} },
        additionalPrinterColumns: [
          { name: 'Tenant', type: 'string', jsonPath: '.spec.tenant', description: 'Name of the tenant' },
          { name: 'Ready', type: 'string', jsonPath: '.status.runtimes[*].ready', description: 'Pods that could be claimed now, by runtime' },
          { name: 'Message', type: 'string', jsonPath: '.status.runtimes[*].message', description: 'Last problem in words', priority: 1 },
        ],
        schema: {
          openAPIV3Schema: {
            type: 'object',
            description: 'Pods of a tenant that wait, ready, for a function that starts.',
            required: ['spec'],
            properties: { apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: { type: 'object' }, spec: specSchema(), status: statusSchema() },
            'x-kubernetes-validations': [{ rule: `self.metadata.name == '${WARM_POOL_NAME}'`, message: `there is one in a namespace, named ${WARM_POOL_NAME}` }],
          },
        },
      }],
    },
  };
}

/** Text of `deploy/crds/warmpools.fnplane.dev.yaml`. */
export function warmPoolCrdYaml(): string {
  return `# Generated from src/contract/pool-crd.ts: change it there, then npm run generate.\n${stringify(warmPoolCrd(), { lineWidth: 140 })}`;
}
