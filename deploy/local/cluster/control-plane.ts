import { join } from 'node:path';
import type { DaemonCommand } from './daemons.ts';
import type { Layout } from './layout.ts';
import { POD_CIDR, SERVICE_CIDR } from './settings.ts';
import type { Ports } from './state.ts';

/** etcd without fsync: a local cluster need not outlive a power cut, and a disk's flush is what an API server waits for. */
export function etcd(layout: Layout, binary: string, ports: Ports): DaemonCommand {
  const at = (file: string) => join(layout.pki, file);
  const [client, peer] = [`https://127.0.0.1:${ports.etcd}`, `https://127.0.0.1:${ports.etcdPeer}`];
  return {
    command: binary,
    args: [
      'etcd', '--name=local', `--data-dir=${layout.data}/etcd`, '--unsafe-no-fsync', '--logger=zap', '--log-level=warn',
      `--listen-client-urls=${client}`, `--advertise-client-urls=${client}`, `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`, `--initial-cluster=local=${peer}`,
      `--cert-file=${at('etcd-server.crt')}`, `--key-file=${at('etcd-server.key')}`, `--trusted-ca-file=${at('etcd-ca.crt')}`, '--client-cert-auth',
      `--peer-cert-file=${at('etcd-server.crt')}`, `--peer-key-file=${at('etcd-server.key')}`, `--peer-trusted-ca-file=${at('etcd-ca.crt')}`, '--peer-client-cert-auth',
      '--auto-compaction-mode=periodic', '--auto-compaction-retention=30m',
    ],
  };
}

export function apiserver(layout: Layout, binary: string, ports: Ports, nodeIp: string): DaemonCommand {
  const at = (file: string) => join(layout.pki, file);
  return {
    command: binary,
    args: [
      'kube-apiserver', `--etcd-servers=https://127.0.0.1:${ports.etcd}`, `--etcd-cafile=${at('etcd-ca.crt')}`,
      `--etcd-certfile=${at('etcd-client.crt')}`, `--etcd-keyfile=${at('etcd-client.key')}`,
      `--advertise-address=${nodeIp}`, '--bind-address=0.0.0.0', `--secure-port=${ports.apiserver}`,
      `--tls-cert-file=${at('apiserver.crt')}`, `--tls-private-key-file=${at('apiserver.key')}`, `--client-ca-file=${at('cluster-ca.crt')}`,
      '--anonymous-auth=false', '--authorization-mode=Node,RBAC', '--enable-admission-plugins=NodeRestriction', '--allow-privileged=true',
      '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
      `--service-account-key-file=${at('service-account.pub')}`, `--service-account-signing-key-file=${at('service-account.key')}`,
      `--service-cluster-ip-range=${SERVICE_CIDR}`,
      `--kubelet-certificate-authority=${at('cluster-ca.crt')}`, '--kubelet-preferred-address-types=InternalIP',
      `--kubelet-client-certificate=${at('apiserver-kubelet.crt')}`, `--kubelet-client-key=${at('apiserver-kubelet.key')}`,
      // For aggregated APIs, such as those of metrics.
      `--requestheader-client-ca-file=${at('front-proxy-ca.crt')}`, '--requestheader-allowed-names=front-proxy-client',
      '--requestheader-extra-headers-prefix=X-Remote-Extra-', '--requestheader-group-headers=X-Remote-Group', '--requestheader-username-headers=X-Remote-User',
      `--proxy-client-cert-file=${at('front-proxy-client.crt')}`, `--proxy-client-key-file=${at('front-proxy-client.key')}`, '--enable-aggregator-routing=true',
      '--profiling=false', '--event-ttl=1h',
    ],
  };
}

export function controllerManager(layout: Layout, binary: string): DaemonCommand {
  const at = (file: string) => join(layout.pki, file);
  return {
    command: binary,
    args: [
      'kube-controller-manager', `--kubeconfig=${layout.config}/controller-manager.kubeconfig`, '--secure-port=0', '--leader-elect=false', '--profiling=false',
      `--service-account-private-key-file=${at('service-account.key')}`, `--root-ca-file=${at('cluster-ca.crt')}`, '--use-service-account-credentials',
      `--cluster-signing-cert-file=${at('cluster-ca.crt')}`, `--cluster-signing-key-file=${at('cluster-ca.key')}`,
      '--allocate-node-cidrs=true', `--cluster-cidr=${POD_CIDR}`, '--node-cidr-mask-size=22', `--service-cluster-ip-range=${SERVICE_CIDR}`,
      `--flex-volume-plugin-dir=${layout.data}/flexvolume`,
      // One node, no neighbours to spare: the defaults make a burst of tenants wait for the client's own limiter.
      '--kube-api-qps=200', '--kube-api-burst=400', '--concurrent-namespace-syncs=10', '--horizontal-pod-autoscaler-sync-period=5s',
    ],
  };
}

export function scheduler(layout: Layout, binary: string): DaemonCommand {
  const kubeconfig = `${layout.config}/scheduler.kubeconfig`;
  return {
    command: binary,
    args: ['kube-scheduler', `--kubeconfig=${kubeconfig}`, '--secure-port=0', '--leader-elect=false', '--profiling=false', '--kube-api-qps=200', '--kube-api-burst=400'],
  };
}
