import { CERTIFICATE_KEYS } from '../../../contract/triggers.js';
import { LABEL } from '../../../contract/names.js';
import type { FunctionContribution } from '../function-contributors.js';
import { CONFIGURATION_COMPONENT, encode, keyedHash, type EnvironmentInput, type SecretObject, type SecretValues } from './environment.js';
import { functionObjectLabels } from './function.js';

/** A tenant's certificate for the cluster's way in; its name changes with its content. */
export interface PlacedCertificate {
  /** Of the tenant's secret. */
  name: string;
  object: SecretObject;
}

export function buildCertificate({ namespace, tenantId, fn, name, data }: Pick<EnvironmentInput, 'namespace' | 'tenantId' | 'fn'> & SecretValues): PlacedCertificate {
  const chosen = { 'tls.crt': data[CERTIFICATE_KEYS.certificate] ?? '', 'tls.key': data[CERTIFICATE_KEYS.privateKey] ?? '' };
  const labels = { ...functionObjectLabels(tenantId, fn), [LABEL.component]: CONFIGURATION_COMPONENT };
  return { name, object: { metadata: { name: `${fn.name}-tls-${keyedHash(fn.nameKey, 'tls', chosen)}`, namespace, labels }, type: 'kubernetes.io/tls', data: encode(chosen), immutable: true } };
}

/** What a cluster is told of triggers: certificates by the objects that hold them. */
export function withCertificates(contribution: FunctionContribution | undefined, placed: readonly PlacedCertificate[]): FunctionContribution | undefined {
  const http = contribution?.triggers?.http;
  if (!http || placed.length === 0) return contribution;
  const objects = new Map(placed.map(({ name, object }) => [name, object.metadata.name]));
  return { ...contribution, triggers: { ...contribution.triggers, http: http.map((trigger) => (trigger.tls ? { ...trigger, tls: { secret: objects.get(trigger.tls.secret) ?? trigger.tls.secret } } : trigger)) } };
}
