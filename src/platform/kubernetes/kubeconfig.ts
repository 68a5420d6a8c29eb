import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
// The parts of client-node that read kubeconfigs and credentials, without the 50 MB its index loads (1,500 model classes).
import { newClusters, newContexts, newUsers, type Cluster, type User } from '@kubernetes/client-node/dist/config_types.js';
import { ExecAuth } from '@kubernetes/client-node/dist/exec_auth.js';
import { FileAuth } from '@kubernetes/client-node/dist/file_auth.js';
import type { RequestContext } from '@kubernetes/client-node';
import { parse } from 'yaml';
import { KubernetesError } from './kubernetes-errors.js';

/**
 * Where a cluster's access comes from. `trusted` is for the operator's own process configuration alone: it allows what
 * reads files, starts programs or skips verification. A kubeconfig that came through the API is never trusted.
 */
export type KubeconfigSource =
  | { kind: 'inline'; kubeconfig: string; context?: string; trusted?: boolean }
  | { kind: 'file'; path: string; context?: string }
  | { kind: 'in-cluster' };

/** What a request needs besides its own content. */
export interface Credentials {
  headers: Record<string, string>;
  tls: ConnectionOptions;
}

/** A kubeconfig's current context, ready for use. */
export interface ClusterAccess {
  /** Scheme, host and port, e.g. `https://10.0.0.1:6443`. */
  origin: string;
  /** Path before `/api`, without a slash at its end; mostly empty. */
  basePath: string;
  proxyUrl: string | undefined;
  /** Files or programs are behind the credentials: they can change while the process runs. */
  refreshable: boolean;
  credentials(): Promise<Credentials>;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

export async function loadClusterAccess(source: KubeconfigSource, env: NodeJS.ProcessEnv = process.env): Promise<ClusterAccess> {
  if (source.kind === 'in-cluster') return inClusterAccess(env);
  if (source.kind === 'inline') return parseKubeconfig(source.kubeconfig, { context: source.context, trusted: source.trusted ?? false });
  let text: string;
  try {
    text = await readFile(source.path, 'utf8');
  } catch (error) {
    throw invalid(`the kubeconfig ${source.path} cannot be read`, error);
  }
  return parseKubeconfig(text, { context: source.context, trusted: true, folder: dirname(resolve(source.path)) });
}

interface ParseOptions {
  context?: string | undefined;
  trusted: boolean;
  /** Base of relative paths inside the kubeconfig. */
  folder?: string;
}

function parseKubeconfig(text: string, options: ParseOptions): ClusterAccess {
  const document = parseDocument(text);
  if (!options.trusted) refuseUntrusted(document);
  let clusters: Cluster[], users: User[], contexts;
  try {
    clusters = newClusters(document.clusters);
    users = newUsers(withTokenFiles(document.users));
    contexts = newContexts(document.contexts);
  } catch (error) {
    throw invalid(`the kubeconfig is wrong: ${(error as Error).message}`, error);
  }
  const name = options.context ?? document['current-context'];
  const context = contexts.find((candidate) => candidate.name === name);
  if (!context) throw invalid(`the kubeconfig has no context ${JSON.stringify(name ?? '')}`);
  const cluster = clusters.find((candidate) => candidate.name === context.cluster);
  if (!cluster) throw invalid(`the kubeconfig's context names a cluster it does not have: ${context.cluster}`);
  const user = users.find((candidate) => candidate.name === context.user) ?? { name: '' };
  if (options.folder !== undefined) makeAbsolute(cluster, user, options.folder);
  return accessOf(cluster, user);
}

interface KubeconfigDocument {
  clusters?: { cluster?: Record<string, unknown> }[];
  users?: { user?: Record<string, unknown> }[];
  contexts?: unknown;
  'current-context'?: string;
}

function parseDocument(text: string): KubeconfigDocument {
  if (text.length > 1_000_000) throw invalid('the kubeconfig is larger than 1 MB');
  let document: unknown;
  try {
    document = parse(text, { maxAliasCount: 20 });
  } catch (error) {
    throw invalid('the kubeconfig is not YAML', error);
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) throw invalid('the kubeconfig is not a mapping');
  return document as KubeconfigDocument;
}

const UNTRUSTED_CLUSTER_KEYS = ['certificate-authority', 'insecure-skip-tls-verify', 'proxy-url'];
const UNTRUSTED_USER_KEYS = ['exec', 'auth-provider', 'client-certificate', 'client-key', 'tokenFile', 'token-file'];

/** Must run before client-node's own parsing, which already opens token files. */
function refuseUntrusted(document: KubeconfigDocument): void {
  for (const { cluster } of listOf(document.clusters)) {
    refuseKeys(cluster, UNTRUSTED_CLUSTER_KEYS);
    if (!String(cluster?.server ?? '').startsWith('https://')) throw invalid('the kubeconfig must name an https:// server');
  }
  for (const { user } of listOf(document.users)) refuseKeys(user, UNTRUSTED_USER_KEYS);
}

function listOf<T>(value: T[] | undefined): T[] {
  if (value !== undefined && !Array.isArray(value)) throw invalid('the kubeconfig is wrong: clusters and users must be lists');
  return (value ?? []).filter((entry) => typeof entry === 'object' && entry !== null);
}

function refuseKeys(part: Record<string, unknown> | undefined, keys: readonly string[]): void {
  for (const key of keys) {
    if (part?.[key]) throw invalid(`the kubeconfig uses ${key}, which is refused: embed certificates and a token instead`);
  }
}

/** client-node reads `token-file` once; Kubernetes' own key is `tokenFile`, and such tokens rotate: its FileAuth re-reads them. */
function withTokenFiles(users: KubeconfigDocument['users']): unknown {
  return listOf(users).map((entry) => {
    const tokenFile = entry.user?.tokenFile ?? entry.user?.['token-file'];
    if (!tokenFile) return entry;
    const { 'token-file': _, ...user } = entry.user ?? {};
    return { ...entry, user: { ...user, 'auth-provider': { name: 'tokenFile', config: { tokenFile } } } };
  });
}

function makeAbsolute(cluster: Cluster, user: User, folder: string): void {
  if (cluster.caFile) cluster.caFile = resolve(folder, cluster.caFile);
  if (user.certFile) user.certFile = resolve(folder, user.certFile);
  if (user.keyFile) user.keyFile = resolve(folder, user.keyFile);
  const config = (user.authProvider as { config?: { tokenFile?: string } } | undefined)?.config;
  if (config?.tokenFile) config.tokenFile = resolve(folder, config.tokenFile);
}

function inClusterAccess(env: NodeJS.ProcessEnv): ClusterAccess {
  const host = env.KUBERNETES_SERVICE_HOST;
  if (!host) throw invalid('KUBERNETES_SERVICE_HOST is not set: this process does not run in a cluster');
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${env.KUBERNETES_SERVICE_PORT ?? '443'}`;
  return accessOf(
    { name: 'in-cluster', server, caFile: `${SERVICE_ACCOUNT}/ca.crt`, skipTLSVerify: false },
    { name: 'in-cluster', authProvider: { name: 'tokenFile', config: { tokenFile: `${SERVICE_ACCOUNT}/token` } } },
  );
}

function accessOf(cluster: Cluster, user: User): ClusterAccess {
  let url: URL;
  try {
    url = new URL(cluster.server);
  } catch (error) {
    throw invalid('the kubeconfig\'s server is not a URL', error);
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw invalid('the kubeconfig\'s server must be https://');
  if (cluster.proxyUrl && !/^https?:/.test(cluster.proxyUrl)) throw invalid('only http and https proxies are supported');
  const authenticate = authenticatorOf(user);
  return {
    origin: url.origin,
    basePath: url.pathname.replace(/\/+$/, ''),
    proxyUrl: cluster.proxyUrl,
    refreshable: Boolean(authenticate ?? cluster.caFile ?? user.certFile ?? user.keyFile),
    credentials: async () => {
      const credentials = await staticCredentials(cluster, user);
      if (authenticate) await authenticate(credentials);
      return credentials;
    },
  };
}

async function staticCredentials(cluster: Cluster, user: User): Promise<Credentials> {
  const [ca, cert, key] = await Promise.all([
    fileOrData(cluster.caFile, cluster.caData), fileOrData(user.certFile, user.certData), fileOrData(user.keyFile, user.keyData),
  ]);
  const headers: Record<string, string> = {};
  if (user.token) headers.authorization = `Bearer ${user.token.trim()}`;
  else if (user.username) headers.authorization = `Basic ${Buffer.from(`${user.username}:${user.password ?? ''}`).toString('base64')}`;
  if (user.impersonateUser) headers['impersonate-user'] = user.impersonateUser;
  return {
    headers,
    tls: {
      ...(ca ? { ca } : {}),
      ...(cert ? { cert } : {}),
      ...(key ? { key } : {}),
      ...(cluster.skipTLSVerify ? { rejectUnauthorized: false } : {}),
      ...(cluster.tlsServerName ? { servername: cluster.tlsServerName } : {}),
    },
  };
}

async function fileOrData(file: string | undefined, data: string | undefined): Promise<Buffer | undefined> {
  if (data) return Buffer.from(data, 'base64');
  if (!file) return undefined;
  try {
    return await readFile(file);
  } catch (error) {
    throw invalid(`${file}, named by the kubeconfig, cannot be read`, error);
  }
}

type Authenticate = (credentials: Credentials) => Promise<void>;

/** What client-node's authenticators write into. */
interface AuthTarget {
  headers: Record<string, string>;
  cert?: string;
  key?: string;
}

function authenticatorOf(user: User): Authenticate | undefined {
  const exec = new ExecAuth();
  const file = new FileAuth();
  const chosen = exec.isAuthProvider(user) ? exec : file.isAuthProvider(user) ? file : undefined;
  if (!chosen) return user.authProvider ? providerAuthenticator(user) : undefined;
  return async (credentials) => {
    const target: AuthTarget = { headers: {} };
    try {
      await chosen.applyAuthentication(user, target as unknown as Parameters<typeof chosen.applyAuthentication>[1]);
    } catch (error) {
      throw new KubernetesError('unavailable', 'KUBERNETES_UNAVAILABLE', 'the cluster\'s credentials could not be obtained', { cause: error });
    }
    take(credentials, target);
  };
}

/** OIDC and the clouds' older providers: rare, so client-node's whole index is loaded only for them. */
function providerAuthenticator(user: User): Authenticate {
  let config: Promise<import('@kubernetes/client-node').KubeConfig> | undefined;
  return async (credentials) => {
    config ??= import('@kubernetes/client-node').then(({ KubeConfig }) => {
      const loaded = new KubeConfig();
      loaded.loadFromClusterAndUser({ name: 'cluster', server: 'https://unused', skipTLSVerify: false }, user);
      return loaded;
    });
    const headers: Record<string, string> = {};
    const context = { setHeaderParam: (name: string, value: string) => { headers[name] = value; }, setDispatcher: () => undefined };
    await (await config).applySecurityAuthentication(context as unknown as RequestContext);
    take(credentials, { headers });
  };
}

function take(credentials: Credentials, target: AuthTarget): void {
  for (const [name, value] of Object.entries(target.headers)) credentials.headers[name.toLowerCase()] = value.trim();
  if (target.cert) credentials.tls.cert = target.cert;
  if (target.key) credentials.tls.key = target.key;
}

function invalid(message: string, cause?: unknown): KubernetesError {
  return new KubernetesError('invalid', 'KUBERNETES_CONFIG_INVALID', message, { cause });
}
