import { createHmac } from 'node:crypto';
import { KAFKA_SECRET_KEYS, type SecretDelivery, type SecretFiles } from '../../../contract/function-resource.js';
import { LABEL } from '../../../contract/names.js';
import { RESERVED_ENV_PREFIX, RUNTIME_ENV } from '../../../contract/runtime.js';
import { canonicalJson } from '../../../platform/kubernetes/drift.js';
import type { KubernetesObject } from '../../../platform/kubernetes/kubernetes-object.js';
import { functionObjectLabels } from './function.js';

/** Value of {@link LABEL.component} on a function's ConfigMaps and Secrets. */
export const CONFIGURATION_COMPONENT = 'configuration';

export interface EnvironmentInput {
  namespace: string;
  tenantId: string;
  fn: { id: string; name: string; nameKey: string };
  /** Of the configuration sets, of each secret in their order, and what the function itself says. */
  plain: Readonly<Record<string, string>>;
  secrets: readonly SecretValues[];
  inline: Readonly<Record<string, string>>;
  delivery: SecretDelivery;
}

/** One secret, open. */
export interface SecretValues {
  name: string;
  data: Readonly<Record<string, string>>;
}

export interface ConfigMapObject extends KubernetesObject {
  data: Record<string, string>;
  immutable: true;
}

export interface SecretObject extends KubernetesObject {
  type: 'Opaque' | 'kubernetes.io/tls';
  /** Base64. */
  data: Record<string, string>;
  /** Absent where new values are to reach running pods. */
  immutable?: true;
}

export interface EnvironmentObjects {
  configMap?: ConfigMapObject;
  /** With the variables of all secrets. */
  secret?: SecretObject;
  /** One for each secret that is wanted as files. */
  files: { name: string; object: SecretObject }[];
}

/**
 * A revision's environment as immutable objects whose names change with their content. The function's own words win over
 * secrets, these over configuration sets. The name is keyed with a value nobody on the cluster knows, so that a short
 * secret cannot be guessed from it. Files of secrets are whole: nothing wins over them. Live ones are in objects that keep
 * their name and are changed in place.
 */
export function buildEnvironment({ namespace, tenantId, fn, plain, secrets, inline, delivery }: EnvironmentInput): EnvironmentObjects {
  const variables = delivery.as === 'files' ? {} : Object.fromEntries(secrets.flatMap(({ data }) => Object.entries(data)));
  const plainData = allowed({ ...plain, ...inline });
  const secretData = allowed(Object.fromEntries(Object.entries(variables).filter(([name]) => !(name in inline))));
  const labels = { ...functionObjectLabels(tenantId, fn), [LABEL.component]: CONFIGURATION_COMPONENT };
  const metadata = (use: string, kind: string, data: object): KubernetesObject['metadata'] => ({ name: `${fn.name}-${use}-${keyedHash(fn.nameKey, kind, data)}`, namespace, labels });
  const files = ({ name, data }: SecretValues): SecretObject => (delivery.updates === 'live'
    ? { metadata: metadata('live', 'live', { name }), type: 'Opaque', data: encode(data) }
    : { metadata: metadata('files', 'files', { name, data }), type: 'Opaque', data: encode(data), immutable: true });
  return {
    ...(isEmpty(plainData) ? {} : { configMap: { metadata: metadata('env', 'plain', plainData), data: plainData, immutable: true as const } }),
    ...(isEmpty(secretData) ? {} : { secret: { metadata: metadata('env', 'secret', secretData), type: 'Opaque' as const, data: encode(secretData), immutable: true as const } }),
    files: delivery.as === 'environment' ? [] : secrets.map((secret) => ({ name: secret.name, object: files(secret) })),
  };
}

/** What a function's operator needs to reach its brokers, and nothing else of the secret; its name changes with its content. */
export function buildKafkaSecret({ namespace, tenantId, fn, data }: Pick<EnvironmentInput, 'namespace' | 'tenantId' | 'fn'> & Pick<SecretValues, 'data'>): SecretObject {
  const chosen = Object.fromEntries(KAFKA_SECRET_KEYS.flatMap((key) => (data[key] === undefined ? [] : [[key, data[key]]])));
  const labels = { ...functionObjectLabels(tenantId, fn), [LABEL.component]: CONFIGURATION_COMPONENT };
  return { metadata: { name: `${fn.name}-kafka-${keyedHash(fn.nameKey, 'kafka', chosen)}`, namespace, labels }, type: 'Opaque', data: encode(chosen), immutable: true };
}

/** All objects of an environment, by what they are. */
export function objectsOf({ configMap, secret, files }: EnvironmentObjects): { configMaps: ConfigMapObject[]; secrets: SecretObject[] } {
  return { configMaps: configMap ? [configMap] : [], secrets: [...(secret ? [secret] : []), ...files.map(({ object }) => object)] };
}

export function secretFilesOf({ files }: EnvironmentObjects): SecretFiles[] {
  return files.map(({ name, object }) => ({ name, secret: object.metadata.name }));
}

/** Tells contents of live objects apart without giving them away, as its name does of an immutable one; undefined where none is live. */
export function liveMark(nameKey: string, environments: readonly EnvironmentObjects[]): string | undefined {
  const live = environments.flatMap(({ files }) => files.filter(({ object }) => !object.immutable).map(({ object }) => [object.metadata.name, object.data] as const));
  return live.length === 0 ? undefined : keyedHash(nameKey, 'content', Object.fromEntries(live));
}

/** Names the platform sets itself never come from a tenant, however they got into a set. */
function allowed(data: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(data).filter(([name]) => name !== RUNTIME_ENV.port && !name.startsWith(RESERVED_ENV_PREFIX)));
}

/** Keyed with a value nobody on the cluster knows: contents cannot be guessed from it. */
export function keyedHash(key: string, kind: string, data: object): string {
  return createHmac('sha256', key).update(`${kind}\0${canonicalJson(data)}`).digest('hex').slice(0, 16);
}

/** Base64, as Kubernetes has it. */
export function encode(data: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(data).map(([name, value]) => [name, Buffer.from(value).toString('base64')]));
}

function isEmpty(data: object): boolean {
  return Object.keys(data).length === 0;
}
