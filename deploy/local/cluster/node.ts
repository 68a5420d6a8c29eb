import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterApi } from './api.ts';
import { cgroupOf } from './cgroups.ts';
import type { DaemonCommand } from './daemons.ts';
import type { Layout } from './layout.ts';
import { CLUSTER_DOMAIN, DNS_SERVICE_IP, NODE_NAME, POD_CIDR, POLICY_TABLE } from './settings.ts';
import { type Ports, writeWhole } from './state.ts';

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

export function kubelet(layout: Layout, binary: string, ports: Ports, nodeIp: string): DaemonCommand {
  const at = (file: string) => join(layout.pki, file);
  const file = join(layout.config, 'kubelet.json');
  mkdirSync(join(layout.data, 'kubelet'), { recursive: true, mode: 0o750 });
  writeWhole(file, json({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: nodeIp,
    port: ports.kubelet,
    readOnlyPort: 0,
    healthzPort: 0,
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: at('cluster-ca.crt') } },
    authorization: { mode: 'Webhook' },
    tlsCertFile: at('kubelet-server.crt'),
    tlsPrivateKeyFile: at('kubelet-server.key'),
    containerRuntimeEndpoint: `unix://${layout.containerdSocket}`,
    podLogsDir: join(layout.data, 'pod-logs'),
    volumePluginDir: join(layout.data, 'flexvolume'),
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${cgroupOf(layout)}`,
    failCgroupV1: false,
    failSwapOn: false,
    // Those chains would be left behind in the machine's iptables.
    makeIPTablesUtilChains: false,
    clusterDNS: [DNS_SERVICE_IP],
    clusterDomain: CLUSTER_DOMAIN,
    resolvConf: join(layout.config, 'resolv.conf'),
    maxPods: 250,
    serializeImagePulls: false,
    registryPullQPS: 0,
    kubeAPIQPS: 200,
    kubeAPIBurst: 400,
    eventRecordQPS: 0,
    syncFrequency: '10s',
    nodeStatusUpdateFrequency: '5s',
    imageGCHighThresholdPercent: 100,
    imageMinimumGCAge: '24h',
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '1%', 'imagefs.available': '1%', 'nodefs.inodesFree': '1%' },
    enableControllerAttachDetach: false,
    shutdownGracePeriod: '0s',
    containerLogMaxSize: '10Mi',
    containerLogMaxFiles: 2,
  }));
  return {
    command: binary,
    args: ['kubelet', `--config=${file}`, `--kubeconfig=${layout.config}/kubelet.kubeconfig`, `--hostname-override=${NODE_NAME}`, `--root-dir=${layout.data}/kubelet`, `--cert-dir=${layout.data}/kubelet/pki`, `--node-ip=${nodeIp}`],
  };
}

export function kubeProxy(layout: Layout, binary: string, ports: Ports): DaemonCommand {
  const file = join(layout.config, 'kube-proxy.json');
  writeWhole(file, json({
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'nftables',
    clusterCIDR: POD_CIDR,
    hostnameOverride: NODE_NAME,
    healthzBindAddress: `127.0.0.1:${ports.proxyHealth}`,
    metricsBindAddress: `127.0.0.1:${ports.proxyMetrics}`,
    clientConnection: { kubeconfig: `${layout.config}/proxy.kubeconfig` },
    nftables: { syncPeriod: '30s', minSyncPeriod: '0.1s' },
    // Zero leaves the machine's own connection tracking as it is.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  }));
  return { command: binary, args: ['kube-proxy', `--config=${file}`] };
}

/** The enforcer of NetworkPolicies, and what it may see of the cluster. */
export function networkPolicy(layout: Layout, binary: string): DaemonCommand {
  return {
    command: binary,
    args: [`--kubeconfig=${layout.config}/network-policy.kubeconfig`, `--pod-cidr=${POD_CIDR}`, `--table=${POLICY_TABLE}`, `--socket=${layout.policySocket}`],
  };
}

export async function allowNetworkPolicy(api: ClusterApi): Promise<void> {
  const group = 'rbac.authorization.k8s.io';
  const name = 'fnplane:network-policy';
  await Promise.all([
    api.apply(`/apis/${group}/v1/clusterroles/${name}`, {
      apiVersion: `${group}/v1`, kind: 'ClusterRole', metadata: { name },
      rules: [
        { apiGroups: [''], resources: ['pods', 'namespaces'], verbs: ['list', 'watch'] },
        { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: ['list', 'watch'] },
      ],
    }),
    api.apply(`/apis/${group}/v1/clusterrolebindings/${name}`, {
      apiVersion: `${group}/v1`, kind: 'ClusterRoleBinding', metadata: { name },
      roleRef: { apiGroup: group, kind: 'ClusterRole', name }, subjects: [{ apiGroup: group, kind: 'User', name }],
    }),
  ]);
}
