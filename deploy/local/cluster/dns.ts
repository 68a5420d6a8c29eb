import { Resolver } from 'node:dns/promises';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterApi } from './api.ts';
import type { Layout } from './layout.ts';
import { CLUSTER_DOMAIN, COREDNS_IMAGE, DNS_SERVICE_IP, KUBERNETES_SERVICE_IP } from './settings.ts';
import { writeWhole } from './state.ts';

const labels = { 'k8s-app': 'kube-dns' };

/** The machine's name servers that a pod can reach: a stub on the machine's loopback is none. */
export function upstreamServers(): string[] {
  for (const file of ['/run/systemd/resolve/resolv.conf', '/etc/resolv.conf']) {
    if (!existsSync(file)) continue;
    const lines = readFileSync(file, 'utf8').matchAll(/^\s*nameserver\s+([0-9a-fA-F.:]+)/gm);
    const servers = [...lines].map((line) => line[1] ?? '').filter((server) => /^\d+(\.\d+){3}$/.test(server) && !server.startsWith('127.') && server !== '0.0.0.0');
    if (servers.length > 0) return servers.slice(0, 3);
  }
  return [];
}

/** What pods with `dnsPolicy: Default` are given. kubelet wants the file even where the machine has none. */
export function writeResolvConf(layout: Layout): void {
  writeWhole(join(layout.config, 'resolv.conf'), upstreamServers().map((server) => `nameserver ${server}\n`).join(''));
}

/** Without an upstream, names outside the cluster are refused at once: better than a wait for a server that does not exist. */
function corefile(upstreams: readonly string[]): string {
  const forward = upstreams.length > 0 ? [`    forward . ${upstreams.join(' ')} {`, '        max_concurrent 1000', '    }'] : [];
  return [
    '.:53 {',
    '    errors',
    '    health :8080',
    '    ready :8181',
    '    prometheus :9153',
    '    cache 30',
    '    loadbalance',
    `    kubernetes ${CLUSTER_DOMAIN} in-addr.arpa ip6.arpa {`,
    '        pods insecure',
    '        fallthrough in-addr.arpa ip6.arpa',
    '        ttl 5',
    '    }',
    ...forward,
    '}',
    '',
  ].join('\n');
}

/** Applies CoreDNS and its Service: afterwards pods resolve Service names. */
export async function applyDns(api: ClusterApi): Promise<void> {
  const inSystem = (kind: string, name: string) => ({ apiVersion: 'v1', kind, metadata: { name, namespace: 'kube-system', labels } });
  const role = 'fnplane:coredns';
  const rbac = 'rbac.authorization.k8s.io';
  await Promise.all([
    api.apply('/api/v1/namespaces/kube-system/serviceaccounts/coredns', inSystem('ServiceAccount', 'coredns')),
    api.apply('/api/v1/namespaces/kube-system/configmaps/coredns', { ...inSystem('ConfigMap', 'coredns'), data: { Corefile: corefile(upstreamServers()) } }),
    api.apply(`/apis/${rbac}/v1/clusterroles/${role}`, {
      apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name: role },
      rules: [
        { apiGroups: [''], resources: ['services', 'namespaces', 'pods'], verbs: ['list', 'watch'] },
        { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
      ],
    }),
    api.apply(`/apis/${rbac}/v1/clusterrolebindings/${role}`, {
      apiVersion: `${rbac}/v1`, kind: 'ClusterRoleBinding', metadata: { name: role },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: role }, subjects: [{ kind: 'ServiceAccount', name: 'coredns', namespace: 'kube-system' }],
    }),
    api.apply('/api/v1/namespaces/kube-system/services/kube-dns', {
      ...inSystem('Service', 'kube-dns'),
      spec: {
        clusterIP: DNS_SERVICE_IP, selector: labels,
        ports: [
          { name: 'dns', port: 53, targetPort: 'dns', protocol: 'UDP' },
          { name: 'dns-tcp', port: 53, targetPort: 'dns-tcp', protocol: 'TCP' },
          { name: 'metrics', port: 9153, targetPort: 'metrics', protocol: 'TCP' },
        ],
      },
    }),
    api.apply('/apis/apps/v1/namespaces/kube-system/deployments/coredns', { ...inSystem('Deployment', 'coredns'), apiVersion: 'apps/v1', spec: deployment() }),
  ]);
}

function deployment(): object {
  const port = (name: string, containerPort: number, protocol = 'TCP') => ({ name, containerPort, protocol });
  const container = {
    name: 'coredns', image: COREDNS_IMAGE, imagePullPolicy: 'Never', args: ['-conf', '/etc/coredns/Corefile'],
    ports: [port('dns', 53, 'UDP'), port('dns-tcp', 53), port('ready', 8181), port('metrics', 9153)],
    resources: { requests: { cpu: '50m', memory: '40Mi' }, limits: { memory: '170Mi' } },
    volumeMounts: [{ name: 'config', mountPath: '/etc/coredns', readOnly: true }],
    readinessProbe: { httpGet: { path: '/ready', port: 'ready' }, periodSeconds: 1, failureThreshold: 5 },
    livenessProbe: { httpGet: { path: '/health', port: 8080 }, initialDelaySeconds: 30, periodSeconds: 10, timeoutSeconds: 5 },
    securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
  };
  return {
    replicas: 1,
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: {
        serviceAccountName: 'coredns', dnsPolicy: 'Default', priorityClassName: 'system-cluster-critical', terminationGracePeriodSeconds: 1,
        securityContext: {
          runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' },
          // Policies see the pod's own port, and everyone's policies say 53.
          sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '53' }],
        },
        containers: [container],
        volumes: [{ name: 'config', configMap: { name: 'coredns' } }],
      },
    },
  };
}

/** Whether the cluster's DNS answers at its Service's address: it takes CoreDNS, kube-proxy and the pod network for that. */
export async function dnsAnswers(): Promise<boolean> {
  const resolver = new Resolver({ timeout: 300, tries: 1 });
  resolver.setServers([DNS_SERVICE_IP]);
  const addresses = await resolver.resolve4(`kubernetes.default.svc.${CLUSTER_DOMAIN}`);
  return addresses.includes(KUBERNETES_SERVICE_IP);
}
