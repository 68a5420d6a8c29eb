import { stringify } from 'yaml';
import { integer, MAX_GENERATION, MAX_REVISION, objectOf, oneOf, text, type PropertiesOf, type Schema } from './crd-schema.js';
import {
  AUTHENTICATION_MODES, CONDITION_TYPES, FUNCTION_PLURAL, METERING_SOURCES, MOST_SECRETS, REASONS, RUNTIMES, SECRET_FORMS, SECRET_UPDATES, SUSPENSIONS,
  type FunctionSpec, type FunctionStatus, type RevisionSpec, type SecretDelivery, type SecretFiles,
} from './function-resource.js';
import { API_GROUP, API_VERSION } from './names.js';
import { revisionStatusSchema, rolloutSchema, rolloutStatusSchema, scaleStatusSchema, scalingSchema, trafficRulesSchema, trafficSharesSchema } from './release-schemas.js';
import { triggersSchema } from './trigger-schemas.js';

export const FUNCTION_CRD_NAME = `${FUNCTION_PLURAL}.${API_GROUP}`;

const UUID = '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$';
/** The label form both names and {@link FUNCTION_NAME} share; `---` is refused by a CEL rule, as RE2 has no look-ahead. */
const NAME = '^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$';
const OBJECT_NAME = '^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$';
/** Name of a secret of the platform; it becomes the name of a folder. */
const SECRET_NAME = '^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$';
const MISSING_VALUE = '^[a-z]([-a-z0-9]{0,61}[a-z0-9])?(/[A-Za-z_][A-Za-z0-9_]{0,127})?$';
const IMAGE = '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+@sha256:[0-9a-f]{64}$';

function immutable(schema: Schema, field: string): Schema {
  return { ...schema, 'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: `${field} cannot be changed` }] };
}

function revisionSchema(): Schema {
  const resources = objectOf<RevisionSpec['resources']>({
    cpuMillis: integer(10, 64_000, 'Thousandths of a core, request and limit.'),
    memoryMb: integer(16, 262_144, 'MiB of memory, request and limit.'),
    ephemeralStorageMb: integer(1, 102_400, 'MiB of disk for /tmp and logs.'),
  }, ['cpuMillis', 'memoryMb', 'ephemeralStorageMb']);
  const frozen = ['runtime', 'image', 'handler', 'metering', 'resources', 'timeoutSeconds', 'concurrency'];
  return objectOf<RevisionSpec>({
    number: integer(1, MAX_REVISION, 'Number of the revision, never used again.'),
    runtime: oneOf(RUNTIMES, 'What runs the code; image: a container the tenant brings.'),
    image: text(IMAGE, 512, 'Image by digest: host/repository@sha256:<64 hex>.'),
    handler: { type: 'string', maxLength: 256, description: '<file>.<function> for Python and Node.' },
    metering: oneOf(METERING_SOURCES, 'Whose counters are billed.'),
    resources,
    timeoutSeconds: integer(1, 86_400, 'Longest run of one invocation.'),
    concurrency: integer(0, 10_000, 'Requests one pod handles at once; 0 means no limit.'),
    configMap: text(OBJECT_NAME, 253, 'ConfigMap with the plain environment.'),
    secret: text(OBJECT_NAME, 253, 'Secret with the secret environment.'),
    ...secretSchemas(),
  }, ['number', 'runtime', 'image', 'handler', 'metering', 'resources', 'timeoutSeconds', 'concurrency'], {
    'x-kubernetes-validations': [{
      rule: [...frozen.map((field) => `self.${field} == oldSelf.${field}`), sameOrAbsent('secretDelivery')].join(' && '),
      message: 'a revision cannot be changed but for its configuration and secrets: make a new revision',
    }],
  });
}

/** How secrets reach the pods. Which Kubernetes Secrets hold them, and what they miss, follows new versions. */
function secretSchemas(): PropertiesOf<Pick<RevisionSpec, 'secretDelivery' | 'secretFiles' | 'missingValues'>> {
  return {
    secretDelivery: objectOf<SecretDelivery>({
      as: oneOf(SECRET_FORMS, 'As variables, as files, or both.'),
      updates: oneOf(SECRET_UPDATES, 'rolling: a new value makes new pods; live: it changes the files of those that run.'),
    }, ['as', 'updates']),
    secretFiles: {
      type: 'array', maxItems: MOST_SECRETS, 'x-kubernetes-list-type': 'atomic', description: 'Secrets mounted as files, each in a folder of its own.',
      items: objectOf<SecretFiles>({
        name: text(SECRET_NAME, 63, 'Name of the folder.'),
        secret: text(OBJECT_NAME, 253, 'Secret with the values.'),
      }, ['name', 'secret']),
    },
    missingValues: {
      type: 'array', maxItems: MOST_SECRETS, 'x-kubernetes-list-type': 'atomic', items: text(MISSING_VALUE, 192, '<secret>/<KEY>, or <secret> where it has no values at all.'),
      description: 'What the secrets had when the revision was deployed and have no more.',
    },
  };
}

function sameOrAbsent(field: string): string {
  return `has(self.${field}) == has(oldSelf.${field}) && (!has(self.${field}) || self.${field} == oldSelf.${field})`;
}

function specSchema(): Schema {
  return objectOf<FunctionSpec>({
    tenant: text(NAME, 40, 'Name of the tenant.'),
    tenantId: immutable(text(UUID, 36, 'UUID of the tenant.'), 'tenantId'),
    functionId: immutable(text(UUID, 36, 'UUID of the function.'), 'functionId'),
    platformGeneration: integer(0, MAX_GENERATION, 'Generation of the function in the control plane.'),
    target: integer(1, MAX_REVISION, 'Revision that shall take the traffic as soon as it is ready.'),
    revisions: {
      type: 'array', minItems: 1, maxItems: 16, items: revisionSchema(), description: 'The target and those that must stay able to serve meanwhile.',
      'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['number'],
    },
    scaling: scalingSchema(),
    traffic: trafficRulesSchema(),
    rollout: rolloutSchema(),
    triggers: triggersSchema(),
    authentication: oneOf(AUTHENTICATION_MODES, 'Whether the gateway asks callers for a credential.'),
    suspension: oneOf(SUSPENSIONS, 'ingress: requests are refused; compute: no pods run either.'),
  }, ['tenant', 'tenantId', 'functionId', 'platformGeneration', 'target', 'revisions', 'scaling', 'authentication', 'suspension'], {
    'x-kubernetes-validations': [
      { rule: 'self.revisions.exists(r, r.number == self.target)', message: 'target must be among revisions' },
      { rule: '!has(self.traffic) || self.traffic.all(t, !has(t.revision) || self.revisions.exists(r, r.number == t.revision))', message: 'revisions that traffic names must be among revisions' },
    ],
  });
}

function statusSchema(): Schema {
  const condition = objectOf<NonNullable<FunctionStatus['conditions']>[number]>({
    type: oneOf(CONDITION_TYPES, 'What the condition is about.'),
    status: oneOf(['True', 'False', 'Unknown'], 'Whether it holds.'),
    reason: oneOf(REASONS, 'Why, for programs.'),
    message: { type: 'string', maxLength: 32_768, description: 'Why, for people.' },
    lastTransitionTime: { type: 'string', format: 'date-time', description: 'When status last changed.' },
    observedGeneration: integer(0, MAX_GENERATION, 'metadata.generation it speaks of.'),
  }, ['type', 'status', 'reason', 'message', 'lastTransitionTime']);
  return objectOf<FunctionStatus>({
    observedGeneration: integer(0, MAX_GENERATION, 'metadata.generation that was acted upon.'),
    observedPlatformGeneration: integer(0, MAX_GENERATION, 'spec.platformGeneration that was acted upon.'),
    servingRevision: integer(1, MAX_REVISION, 'Revision that receives most requests now.'),
    replicas: integer(0, 100_000, 'Pods wanted of the serving revision.'),
    readyReplicas: integer(0, 100_000, 'Pods ready of the serving revision.'),
    traffic: trafficSharesSchema(),
    revisions: revisionStatusSchema(),
    rollout: rolloutStatusSchema(),
    scale: scaleStatusSchema(),
    conditions: {
      type: 'array', maxItems: 16, items: condition, description: 'Ready, Reconciling, Serving, and ScalingActive where the number of pods follows a metric.',
      'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'],
    },
  }, []);
}

function column(name: string, type: 'string' | 'integer' | 'date', jsonPath: string, description: string, priority = 0): object {
  return { name, type, jsonPath, description, priority };
}

function printerColumns(): object[] {
  const ready = '.status.conditions[?(@.type=="Ready")]';
  return [
    column('Tenant', 'string', '.spec.tenant', 'Name of the tenant'),
    column('Ready', 'string', `${ready}.status`, 'Whether the target revision serves with its minimum of pods'),
    column('Reason', 'string', `${ready}.reason`, 'Why it is ready or not'),
    column('Serving', 'integer', '.status.servingRevision', 'Revision that receives requests'),
    column('Target', 'integer', '.spec.target', 'Revision that shall receive requests'),
    column('Pods', 'integer', '.status.readyReplicas', 'Ready pods of the serving revision'),
    column('Wanted', 'integer', '.status.replicas', 'Wanted pods of the serving revision'),
    column('Age', 'date', '.metadata.creationTimestamp', 'Time since it was made'),
    column('Message', 'string', `${ready}.message`, 'What the function\'s owner is told', 1),
  ];
}

/**
 * The `Function` CustomResourceDefinition. The API server itself refuses what the contract forbids: unknown fields are pruned
 * or refused, bounds and names are checked, a revision's content and the ids can never change.
 */
export function functionCrd() {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: FUNCTION_CRD_NAME, labels: { 'app.kubernetes.io/managed-by': 'fnplane' } },
    spec: {
      group: API_GROUP,
      scope: 'Namespaced',
      names: { plural: FUNCTION_PLURAL, singular: 'function', kind: 'Function', listKind: 'FunctionList', shortNames: ['fn'], categories: ['all', 'fnplane'] },
      versions: [{
        name: API_VERSION,
        served: true,
        storage: true,
        subresources: { status: {} },
        additionalPrinterColumns: printerColumns(),
        schema: {
          openAPIV3Schema: {
            type: 'object',
            description: 'A function of a tenant: what runs, how much of it, and who may call it.',
            required: ['spec'],
            properties: {
              apiVersion: { type: 'string' },
              kind: { type: 'string' },
              metadata: { type: 'object' },
              spec: specSchema(),
              status: statusSchema(),
            },
            'x-kubernetes-validations': [{
              rule: `self.metadata.name.matches('${NAME}') && !self.metadata.name.contains('---')`,
              message: 'the name must be a DNS label of at most 40 characters that begins with a letter and has no three hyphens in a row',
            }],
          },
        },
      }],
    },
  };
}

/** Text of `deploy/crds/functions.fnplane.dev.yaml`. */
export function functionCrdYaml(): string {
  return `# Generated from src/contract/function-crd.ts: change it there, then npm run generate.\n${stringify(functionCrd(), { lineWidth: 140 })}`;
}
