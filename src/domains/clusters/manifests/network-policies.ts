import { LABEL } from '../../../contract/names.js';
import type { NetworkPolicy } from '../../../platform/kubernetes/kubernetes-object.js';
import type { AddressRange } from '../../../platform/network/address-range.policy.js';
import { internetBlocks } from '../egress.policy.js';
import { tenantMetadata } from './placement-objects.js';

/**
 * Policies of functions are named after them (a DNS label): a dot keeps these apart from any function a tenant may name.
 */
export const DEFAULT_DENY = 'fnplane.default-deny';
export const EGRESS_CLUSTER = 'fnplane.egress-cluster';
export const EGRESS_INTERNET = 'fnplane.egress-internet';

/** What every Kubernetes distribution calls its DNS pods. */
const DNS_NAMESPACE = { 'kubernetes.io/metadata.name': 'kube-system' };
const DNS_PODS = { 'k8s-app': 'kube-dns' };

/** Nothing in, nothing out, for every pod. The empty lists are written out so that rules added by others are taken back. */
export function buildDefaultDeny(tenantId: string): NetworkPolicy {
  return { metadata: tenantMetadata(tenantId, DEFAULT_DENY), spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'], ingress: [], egress: [] } };
}

/** Out to the cluster's DNS pods, and to pods of namespaces with the tenant's label, which only the platform writes. */
export function buildClusterEgress(tenantId: string): NetworkPolicy {
  return {
    metadata: tenantMetadata(tenantId, EGRESS_CLUSTER),
    spec: {
      podSelector: {},
      policyTypes: ['Egress'],
      egress: [
        {
          to: [{ namespaceSelector: { matchLabels: DNS_NAMESPACE }, podSelector: { matchLabels: DNS_PODS } }],
          ports: [{ port: 53, protocol: 'UDP' }, { port: 53, protocol: 'TCP' }],
        },
        { to: [{ namespaceSelector: { matchLabels: { [LABEL.tenant]: tenantId } } }] },
      ],
    },
  };
}

/** Out to the internet and nothing that is not the internet. */
export function buildInternetEgress(tenantId: string, blocked: readonly AddressRange[]): NetworkPolicy {
  const blocks = internetBlocks(blocked);
  return {
    metadata: tenantMetadata(tenantId, EGRESS_INTERNET),
    spec: { podSelector: {}, policyTypes: ['Egress'], egress: blocks.length > 0 ? [{ to: blocks.map((ipBlock) => ({ ipBlock })) }] : [] },
  };
}
