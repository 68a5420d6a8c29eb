import { existsSync } from 'node:fs';
import type { SandboxMount } from '../sandbox/sandbox-run.js';

/** Settings by which this machine reaches the package registries: proxies, certificate authorities, indexes. */
export interface ToolEnvironment {
  env: Readonly<Record<string, string>>;
  /** Files and folders that those settings name. */
  mounts: readonly SandboxMount[];
}

/** Everything else of the environment stays outside: it may hold credentials of the platform. */
const PASSED = new Set([
  'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'ALL_PROXY', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'NODE_EXTRA_CA_CERTS', 'REQUESTS_CA_BUNDLE',
  'PIP_INDEX_URL', 'PIP_EXTRA_INDEX_URL', 'PIP_FIND_LINKS', 'PIP_CERT', 'PIP_CLIENT_CERT', 'PIP_PROXY', 'PIP_TRUSTED_HOST', 'PIP_DEFAULT_TIMEOUT', 'PIP_TIMEOUT',
  'NPM_CONFIG_CAFILE', 'NPM_CONFIG_CA', 'NPM_CONFIG_PROXY', 'NPM_CONFIG_HTTPS_PROXY', 'NPM_CONFIG_NOPROXY', 'NPM_CONFIG_STRICT_SSL',
  'GONOSUMDB', 'GOINSECURE',
]);
const PATHS = new Set(['SSL_CERT_FILE', 'SSL_CERT_DIR', 'NODE_EXTRA_CA_CERTS', 'REQUESTS_CA_BUNDLE', 'PIP_CERT', 'PIP_CLIENT_CERT', 'PIP_FIND_LINKS', 'NPM_CONFIG_CAFILE']);

/** Takes those settings from an environment, the present process's by default. */
export function hostToolEnvironment(source: NodeJS.ProcessEnv = process.env): ToolEnvironment {
  const env: Record<string, string> = {};
  const mounts = new Map<string, SandboxMount>();
  for (const [name, value] of Object.entries(source)) {
    if (!value || !PASSED.has(name.toUpperCase())) continue;
    env[name] = value;
    if (!PATHS.has(name.toUpperCase())) continue;
    for (const path of value.split(/[\s:]+/)) {
      if (path.startsWith('/') && !path.startsWith('/usr/') && existsSync(path)) mounts.set(path, { from: path, to: path, optional: true });
    }
  }
  return { env, mounts: [...mounts.values()] };
}

/** A module proxy list without `direct`: the build fetches from proxies alone, never from a host that source code names. */
export function proxiesOnly(goProxy: string): string {
  const proxies = goProxy.split(/[,|]/).map((entry) => entry.trim()).filter((entry) => entry !== '' && entry !== 'direct' && entry !== 'off');
  return proxies.length > 0 ? proxies.join(',') : 'off';
}
