import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './command.ts';
import type { Layout } from './layout.ts';
import { KUBERNETES_SERVICE_IP, NODE_NAME } from './settings.ts';
import { writeWhole } from './state.ts';

/** etcd and the aggregation layer have authorities of their own: a cluster user's certificate must open neither. */
const AUTHORITIES = ['cluster', 'etcd', 'front-proxy'] as const;
type Authority = (typeof AUTHORITIES)[number];

interface Certificate {
  readonly name: string;
  readonly authority: Authority;
  readonly subject: string;
  readonly names?: string;
}

function certificates(nodeIp: string): Certificate[] {
  const service = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local', 'localhost'];
  const apiserver = [...service.map((name) => `DNS:${name}`), 'IP:127.0.0.1', `IP:${KUBERNETES_SERVICE_IP}`, `IP:${nodeIp}`].join(',');
  return [
    { name: 'etcd-server', authority: 'etcd', subject: '/CN=etcd', names: 'DNS:localhost,IP:127.0.0.1' },
    { name: 'etcd-client', authority: 'etcd', subject: '/CN=kube-apiserver' },
    { name: 'apiserver', authority: 'cluster', subject: '/CN=kube-apiserver', names: apiserver },
    { name: 'apiserver-kubelet', authority: 'cluster', subject: '/O=system:masters/CN=kube-apiserver-kubelet-client' },
    { name: 'front-proxy-client', authority: 'front-proxy', subject: '/CN=front-proxy-client' },
    { name: 'kubelet-server', authority: 'cluster', subject: `/CN=${NODE_NAME}`, names: `DNS:${NODE_NAME},IP:${nodeIp},IP:127.0.0.1` },
    { name: 'admin', authority: 'cluster', subject: '/O=system:masters/CN=admin' },
    { name: 'controller-manager', authority: 'cluster', subject: '/CN=system:kube-controller-manager' },
    { name: 'scheduler', authority: 'cluster', subject: '/CN=system:kube-scheduler' },
    { name: 'kubelet', authority: 'cluster', subject: `/O=system:nodes/CN=system:node:${NODE_NAME}` },
    { name: 'proxy', authority: 'cluster', subject: '/CN=system:kube-proxy' },
    // As the service account that the platform makes: gateways need no more than its rights.
    { name: 'gateway', authority: 'cluster', subject: '/CN=system:serviceaccount:fnplane-system:fnplane-gateway' },
    { name: 'network-policy', authority: 'cluster', subject: '/CN=fnplane:network-policy' },
  ];
}

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '3650'];

/** Makes what is missing of keys and certificates; what exists for the same names stays. */
export async function ensurePki(layout: Layout, nodeIp: string): Promise<void> {
  mkdirSync(layout.pki, { recursive: true, mode: 0o700 });
  const at = (file: string) => join(layout.pki, file);
  await Promise.all([
    ...AUTHORITIES.map(async (authority) => {
      if (existsSync(at(`${authority}-ca.done`))) return;
      await run('openssl', ['req', '-x509', ...EC, '-subj', `/CN=fnplane local ${authority}`, '-keyout', at(`${authority}-ca.key`), '-out', at(`${authority}-ca.crt`),
        '-addext', 'keyUsage=critical,keyCertSign,cRLSign,digitalSignature']);
      writeWhole(at(`${authority}-ca.done`), '');
    }),
    (async () => {
      if (existsSync(at('service-account.pub'))) return;
      await run('openssl', ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-out', at('service-account.key')]);
      await run('openssl', ['pkey', '-in', at('service-account.key'), '-pubout', '-out', at('service-account.pub')]);
    })(),
  ]);
  await Promise.all(certificates(nodeIp).map((certificate) => issue(layout, certificate)));
}

async function issue(layout: Layout, { name, authority, subject, names }: Certificate): Promise<void> {
  const at = (file: string) => join(layout.pki, file);
  const recipe = createHash('sha256').update(JSON.stringify([authority, subject, names])).digest('hex');
  const marker = at(`${name}.recipe`);
  if (existsSync(marker) && readFileSync(marker, 'utf8') === recipe) return;
  await run('openssl', ['req', '-x509', ...EC, '-CA', at(`${authority}-ca.crt`), '-CAkey', at(`${authority}-ca.key`), '-subj', subject,
    '-keyout', at(`${name}.key`), '-out', at(`${name}.crt`),
    '-addext', 'basicConstraints=critical,CA:FALSE', '-addext', 'keyUsage=critical,digitalSignature', '-addext', 'extendedKeyUsage=serverAuth,clientAuth',
    ...(names ? ['-addext', `subjectAltName=${names}`] : [])]);
  writeWhole(marker, recipe);
}

/** Writes a kubeconfig that holds its certificates, readable to its owner alone. */
export function writeKubeconfig(layout: Layout, user: string, file: string, server: string): void {
  const data = (name: string) => readFileSync(join(layout.pki, name)).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'fnplane-local', cluster: { server, 'certificate-authority-data': data('cluster-ca.crt') } }],
    users: [{ name: user, user: { 'client-certificate-data': data(`${user}.crt`), 'client-key-data': data(`${user}.key`) } }],
    contexts: [{ name: 'fnplane-local', context: { cluster: 'fnplane-local', user } }],
    'current-context': 'fnplane-local',
  };
  writeWhole(file, `${JSON.stringify(config, null, 2)}\n`, 0o600);
}
