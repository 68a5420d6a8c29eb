import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { z } from 'zod';
import { parseRate, RATE_FORM } from '../limits/rate.policy.js';
import { KEY_PROVIDERS, type KeyProviderKind } from '../crypto/key-provider.js';
import { json } from './json-setting.js';
import { ROUTE_SHAPE } from './route-shape.js';
import { KEY_RING_FORM, parseKeyRing } from '../crypto/key-ring.js';

/** The parts one process can play; the default is all of them. */
export const ROLES = ['api', 'worker', 'operator', 'gateway', 'meter'] as const;
export type Role = (typeof ROLES)[number];

const listen = z.string().regex(/^[^:\s]+:\d{1,5}$/, 'must be HOST:PORT').transform((value) => {
  const at = value.lastIndexOf(':');
  return { host: value.slice(0, at), port: Number(value.slice(at + 1)) };
});
export type Listen = z.output<typeof listen>;

/** Keys are fetched without TLS from this machine only. */
function isTrustworthy(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname } = new URL(address);
  return protocol === 'https:' || (protocol === 'http:' && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname));
}

/** Neither a shared secret nor the private half of a pair. */
function isPublicKey(key: Record<string, unknown>): boolean {
  return (key.kty === 'RSA' || key.kty === 'EC' || key.kty === 'OKP') && !('d' in key) && !('k' in key);
}

const issuer = z.strictObject({
  /** Exact `iss` of the tokens. */
  issuer: z.string().regex(/^[^\s|]{1,255}$/, 'must be 1 to 255 characters without spaces and "|"'),
  /** Accepted `aud`. */
  audience: z.string().min(1),
  /** Keys are where the issuer's own `/.well-known/openid-configuration` says... */
  discovery: z.boolean().optional(),
  /** ...or where it publishes them... */
  jwksUri: z.url().refine(isTrustworthy, 'must be an https address').optional(),
  /** ...or the keys themselves (a JWK set), without private parts. */
  jwks: z.looseObject({ keys: z.array(z.looseObject({}).refine(isPublicKey, 'must be a public key')).min(1) }).optional(),
  algorithms: z.array(z.enum(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'])).min(1).default(['RS256', 'PS256', 'ES256', 'EdDSA']),
  /** Claim with the platform roles (`operator`, `auditor`, `finance`) of a person or machine; without it, none. */
  platformRolesClaim: z.string().optional(),
  /** Claim with the person's e-mail address, by which people are invited; it counts only beside `email_verified: true`. */
  emailClaim: z.string().min(1).optional(),
}).refine((value) => [value.discovery, value.jwksUri, value.jwks].filter(Boolean).length === 1, 'needs exactly one of discovery: true, jwksUri and jwks')
  .refine((value) => !value.discovery || isTrustworthy(value.issuer), 'must be an https address to be discovered');
export type TrustedIssuer = z.output<typeof issuer>;

const runtimeImages = z.strictObject({ python: z.string(), node: z.string(), go: z.string() });

const cidrs = z.string().transform((text) => text.split(',').map((part) => part.trim()).filter(Boolean));
const rate = z.string().transform((text, context) => {
  const parsed = parseRate(text);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: 'custom', message: RATE_FORM });
  return z.NEVER;
});
const flag = z.enum(['true', 'false']).transform((text) => text === 'true');
const isRange = (text: string): boolean => {
  const [address = '', bits, more] = text.split('/');
  const version = isIP(address);
  return version !== 0 && more === undefined && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128)));
};
const integer = (least: number, most: number) => z.coerce.number().int().min(least).max(most);

const environment = z.object({
  FNPLANE_ROLES: z.string().default(ROLES.join(',')).transform((text) => text.split(',').map((part) => part.trim()))
    .pipe(z.array(z.enum(ROLES)).min(1)),
  FNPLANE_API_LISTEN: listen.default({ host: '127.0.0.1', port: 3000 }),
  FNPLANE_GATEWAY_LISTEN: listen.default({ host: '127.0.0.1', port: 3080 }),
  FNPLANE_MANAGEMENT_LISTEN: listen.default({ host: '127.0.0.1', port: 3090 }),
  FNPLANE_GATEWAY_URL: z.url().default('http://127.0.0.1:3080'),
  /** Management addresses of gateways in other processes, for the meter and the operator; of another cluster: `CLUSTER=URL`, for the meter. */
  FNPLANE_GATEWAY_MANAGEMENT_URLS: cidrs.default([]),
  /** Management address of an operator in another process, for a gateway's way to warm pods. */
  FNPLANE_OPERATOR_URL: z.url({ protocol: /^https?$/ }).optional(),
  FNPLANE_GATEWAY_DOMAIN: z.string().optional(),
  DATABASE_URL: z.url().optional(),
  FNPLANE_DATABASE_POOL: integer(2, 200).default(12),
  FNPLANE_ISSUERS: json(z.array(issuer).min(1).refine((list) => new Set(list.map((one) => one.issuer)).size === list.length, 'names an issuer twice')).optional(),
  /** `id:base64 of 32 bytes`, several divided by commas; the first seals, all open. */
  FNPLANE_ENCRYPTION_KEYS: z.string().refine((text) => parseKeyRing(text) !== undefined, KEY_RING_FORM).optional(),
  FNPLANE_INTERNAL_SECRET: z.string().min(32, 'must have at least 32 characters').optional(),
  FNPLANE_CLUSTER_NAME: z.string().regex(/^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$/).default('default'),
  FNPLANE_CLUSTER_REGION: z.string().default('local'),
  KUBECONFIG: z.string().optional(),
  /** A narrower identity for the gateway of a process that plays other roles too: see `gatewayRules`. */
  FNPLANE_GATEWAY_KUBECONFIG: z.string().optional(),
  FNPLANE_POD_NETWORK: z.enum(['auto', 'direct', 'proxy']).default('auto'),
  /** Where the operator serves metrics to Kubernetes' autoscalers (`custom.metrics.k8s.io`); without it functions scale by CPU alone. */
  FNPLANE_METRICS_API_LISTEN: listen.optional(),
  /** Address by which the API server reaches that port: the pod's own inside of a cluster. */
  FNPLANE_METRICS_API_ADDRESS: z.string().refine((text) => isIP(text) !== 0 && !/^(127\.|::1$|0\.0\.0\.0$|::$)/.test(text), 'must be an IP address of this machine, not loopback').optional(),
  /** Ranges of nodes, pods, services and the API server that functions must not reach, beside the private ranges that are always closed. */
  FNPLANE_BLOCKED_EGRESS: cidrs.default([]),
  /** Ranges outside the internet in which Kafka brokers that tenants name may be: without any, none there are called. */
  FNPLANE_BROKER_RANGES: cidrs.refine((ranges) => ranges.every(isRange), 'must be IP addresses or ranges divided by commas').default([]),
  /** Ranges outside the internet that webhooks of tenants may reach; none by default. */
  FNPLANE_OUTBOUND_RANGES: cidrs.refine((ranges) => ranges.every(isRange), 'must be IP addresses or ranges divided by commas').default([]),
  /** Also plain `http:` for them. */
  FNPLANE_OUTBOUND_INSECURE: flag.default(false),
  FNPLANE_REGISTRY_URL: z.url().optional(),
  FNPLANE_REGISTRY_CREDENTIALS: z.string().optional(),
  FNPLANE_RUNTIME_IMAGES: json(runtimeImages).optional(),
  FNPLANE_ALLOWED_IMAGES: cidrs.default([]),
  FNPLANE_BUILD_CACHE: z.string().default('.data/build-cache'),
  FNPLANE_GO_ROOT: z.string().optional(),
  FNPLANE_GO_PROXY: z.string().optional(),
  FNPLANE_GO_SDK: z.string().optional(),
  /** Most nodes that the image of a deployed function is brought to before a pod needs it there; 0: none. */
  FNPLANE_PREPULL_NODES: integer(0, 1000).default(10),
  FNPLANE_METER_INTERVAL_MS: integer(100, 60_000).default(1000),
  /** How long, and how much of each tenant, the logs of functions are kept: days, bytes. */
  FNPLANE_LOG_DAYS: integer(1, 365).default(7),
  FNPLANE_LOG_TENANT_BYTES: integer(65_536, 1_099_511_627_776).default(64 * 1024 * 1024),
  /** KiB a second and at once that are collected of one tenant's functions on one cluster; 0: all. */
  FNPLANE_LOG_TENANT_RATE: rate.default({ perSecond: 256, burst: 2048 }),
  FNPLANE_SHUTDOWN_GRACE_MS: integer(0, 300_000).default(20_000),
  FNPLANE_MIGRATE: z.enum(['auto', 'never']).default('auto'),
  /** Requests a second and at once, over all replicas: of one principal, and of all users of one tenant together. */
  FNPLANE_API_RATE: rate.default({ perSecond: 50, burst: 500 }),
  FNPLANE_API_TENANT_RATE: rate.default({ perSecond: 200, burst: 1000 }),
  /** Of one client address without a valid credential, in each replica. */
  FNPLANE_API_UNAUTHENTICATED_RATE: rate.default({ perSecond: 10, burst: 100 }),
  /** Ranges whose X-Forwarded-For is believed; without any, the address of the connection is the client's. */
  FNPLANE_TRUSTED_PROXIES: cidrs.refine((ranges) => ranges.every(isRange), 'must be IP addresses or ranges divided by commas').default([]),
  FNPLANE_GRAPHQL_MAX_COST: integer(1_000, 10_000_000).default(100_000),
  /** Operations in one HTTP request; 0 takes no arrays. */
  FNPLANE_GRAPHQL_BATCH: integer(0, 50).default(0),
  FNPLANE_GRAPHQL_INTROSPECTION: flag.default(true),
  /** "Did you mean" in the errors of documents that do not fit the schema. */
  FNPLANE_GRAPHQL_SUGGESTIONS: flag.default(true),
  /** File with a JSON object of sha256 to document: then only these are executed. */
  FNPLANE_GRAPHQL_TRUSTED_DOCUMENTS: z.string().optional(),
  /** Gateways of a cluster that share tenants' limits on invocations: each admits its part, rounded up. */
  FNPLANE_GATEWAYS: integer(1, 1000).default(1),
  /** `required`: PATCH, DELETE and PUT of what exists must say by If-Match what they are based on; else 428. */
  FNPLANE_IF_MATCH: z.enum(['optional', 'required']).default('optional'),
  /** What wraps the data keys of secrets from now on. Settings of the other providers may stay: what they wrapped is still opened. */
  FNPLANE_KEY_PROVIDER: z.enum(KEY_PROVIDERS).default('local'),
  /** ARN, id or alias; credentials as AWS's clients find them. */
  FNPLANE_KMS_KEY: z.string().optional(),
  FNPLANE_KMS_REGION: z.string().optional(),
  FNPLANE_KMS_ENDPOINT: z.url().optional(),
  FNPLANE_VAULT_ADDRESS: z.url().optional(),
  /** Path of the file that holds the token; it is read again when the token is refused. */
  FNPLANE_VAULT_TOKEN_FILE: z.string().optional(),
  FNPLANE_VAULT_MOUNT: z.string().regex(/^[\w-]+(\/[\w-]+)*$/, 'must be the path of a mount').default('transit'),
  FNPLANE_VAULT_KEY: z.string().regex(/^[\w.-]+$/, 'must be the name of a key').optional(),
  FNPLANE_VAULT_NAMESPACE: z.string().optional(),
  ...ROUTE_SHAPE,
});

/** The whole configuration of a process, checked at start. */
export type Config = z.output<typeof environment>;

/** What each role cannot do without; there is no default for any of them, so that nothing runs on a value everybody knows. */
const REQUIRED: Record<Role, readonly (keyof Config)[]> = {
  api: ['DATABASE_URL', 'FNPLANE_ISSUERS', 'FNPLANE_ENCRYPTION_KEYS', 'FNPLANE_INTERNAL_SECRET', 'FNPLANE_REGISTRY_URL'],
  worker: ['DATABASE_URL', 'FNPLANE_ENCRYPTION_KEYS', 'FNPLANE_INTERNAL_SECRET', 'FNPLANE_REGISTRY_URL', 'FNPLANE_RUNTIME_IMAGES'],
  operator: [],
  gateway: ['FNPLANE_ISSUERS', 'FNPLANE_INTERNAL_SECRET'],
  meter: ['DATABASE_URL'],
};

const VAULT: readonly (keyof Config)[] = ['FNPLANE_VAULT_ADDRESS', 'FNPLANE_VAULT_TOKEN_FILE', 'FNPLANE_VAULT_KEY'];

/** What each provider of the sealing key cannot do without, in the place of the local keys. */
const SEALING: Record<KeyProviderKind, readonly (keyof Config)[]> = { local: ['FNPLANE_ENCRYPTION_KEYS'], 'aws-kms': ['FNPLANE_KMS_KEY'], 'vault-transit': VAULT };

function neededBy(config: Config): (keyof Config)[] {
  const names = config.FNPLANE_ROLES.flatMap((role) => REQUIRED[role]).flatMap((name) => (name === 'FNPLANE_ENCRYPTION_KEYS' ? SEALING[config.FNPLANE_KEY_PROVIDER] : [name]));
  // A provider that only opens what it sealed before needs all its settings too.
  if (config.FNPLANE_METRICS_API_LISTEN && config.FNPLANE_ROLES.includes('operator')) names.push('FNPLANE_METRICS_API_ADDRESS');
  if (config.FNPLANE_ROUTES !== 'none' && config.FNPLANE_ROLES.includes('operator')) names.push('FNPLANE_ROUTES_GATEWAY', ...(config.FNPLANE_ROUTES === 'gateway-api' ? ['FNPLANE_ROUTES_PARENT'] as const : []));
  return [...names, ...(VAULT.some((name) => config[name] !== undefined) ? VAULT : [])];
}

const HINT: Partial<Record<keyof Config, string>> = {
  DATABASE_URL: 'address of a Postgres >= 15, e.g. postgres://user:password@host:5432/fnplane',
  FNPLANE_ISSUERS: 'JSON array of trusted token issuers: [{"issuer":"https://login.example","audience":"fnplane","discovery":true}]',
  FNPLANE_ENCRYPTION_KEYS: 'keys that seal secrets, as id:base64 of 32 bytes, e.g. k1:$(openssl rand -base64 32); or FNPLANE_ENCRYPTION_KEYS_FILE',
  FNPLANE_INTERNAL_SECRET: 'at least 32 random characters shared by api, worker and gateway; or FNPLANE_INTERNAL_SECRET_FILE',
  FNPLANE_REGISTRY_URL: 'registry that function images are pushed to, e.g. https://registry.example',
  FNPLANE_METRICS_API_ADDRESS: 'IP address by which the API server reaches FNPLANE_METRICS_API_LISTEN, e.g. the pod\'s own',
  FNPLANE_ROUTES_GATEWAY: 'addresses at which the cluster\'s way in reaches the platform\'s gateways, e.g. 10.0.0.5:3080',
  FNPLANE_ROUTES_PARENT: 'the Gateway that routes belong to, as NAMESPACE/NAME',
  FNPLANE_KMS_KEY: 'ARN, id or alias of the AWS KMS key that seals secrets, as FNPLANE_KEY_PROVIDER is aws-kms',
  FNPLANE_VAULT_ADDRESS: 'address of the Vault or OpenBao whose Transit engine seals secrets, e.g. https://vault.example:8200',
  FNPLANE_VAULT_TOKEN_FILE: 'path of the file with the token for Vault',
  FNPLANE_VAULT_KEY: 'name of the Transit key that seals secrets',
  FNPLANE_RUNTIME_IMAGES: 'JSON with the base image of each runtime by digest: {"python":"...","node":"...","go":"..."}',
};

/** Thrown when the environment lacks or garbles a setting; the message lists every one of them. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

/** Values may come from files (`NAME_FILE`), as secret mounts give them. */
function withFiles(source: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const result: NodeJS.ProcessEnv = { ...source };
  for (const [name, path] of Object.entries(source)) {
    if (!path || !name.endsWith('_FILE')) continue;
    const target = name.slice(0, -'_FILE'.length);
    if (!(target in environment.shape) || result[target]) continue;
    try {
      result[target] = readFileSync(path, 'utf8').trim();
    } catch (cause) {
      throw new ConfigurationError(`${name} names a file that cannot be read: ${(cause as NodeJS.ErrnoException).code}`);
    }
  }
  return result;
}

/**
 * Reads the configuration from environment variables (empty ones count as absent).
 * @throws {ConfigurationError} naming everything that is missing or wrong, never a value.
 */
export function loadConfig(source: NodeJS.ProcessEnv = process.env): Config {
  const given = Object.fromEntries(Object.entries(withFiles(source)).filter(([, value]) => value !== ''));
  const parsed = environment.safeParse(given);
  const problems: string[] = [];
  if (!parsed.success) {
    for (const problem of parsed.error.issues) problems.push(`${problem.path.join('.')}: ${problem.message}`);
  } else {
    const missing = new Set(neededBy(parsed.data).filter((name) => parsed.data[name] === undefined));
    for (const name of missing) problems.push(`${name} is missing: ${HINT[name] ?? 'needed by the chosen roles'}`);
    if (problems.length === 0) return parsed.data;
  }
  throw new ConfigurationError(`fnplane cannot start:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
}

/** A setting that `REQUIRED` guarantees for the roles that call this; throws where a role forgot to demand it. */
export function required<K extends keyof Config>(config: Config, name: K): NonNullable<Config[K]> {
  const value = config[name];
  if (value === undefined || value === null) throw new ConfigurationError(`fnplane cannot start:\n  - ${name} is missing: ${HINT[name] ?? ''}`);
  return value;
}
