/** What every part of the local cluster agrees on. One such cluster runs per machine: kube-proxy's tables and the routes are the machine's own. */
export const KUBERNETES_VERSION = 'v1.34.4';
export const NODE_NAME = 'fnplane-local';
export const CLUSTER_DOMAIN = 'cluster.local';
export const POD_CIDR = '10.244.0.0/16';
/** The node's share of the pod range: 1,022 addresses, so that fast churn does not meet addresses still held. */
export const NODE_POD_CIDR = '10.244.0.0/22';
export const SERVICE_CIDR = '10.96.0.0/16';
export const KUBERNETES_SERVICE_IP = '10.96.0.1';
export const DNS_SERVICE_IP = '10.96.0.10';
export const CNI_NETWORK = 'fnplane-local';
export const NODE_TABLE = 'fnplane-node';
export const POLICY_TABLE = 'fnplane-network-policy';
/** Named on localhost, which no registry owns: they are imported, never pulled. */
export const PAUSE_IMAGE = 'localhost/fnplane/pause:1';
export const COREDNS_IMAGE = 'localhost/fnplane/coredns:1.15.0';
