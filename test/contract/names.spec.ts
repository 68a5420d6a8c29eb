import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { FunctionResource, RevisionSpec } from '../../src/contract/function-resource.js';
import { ANNOTATION, API_GROUP, FUNCTION_NAME, LABEL, SYSTEM_NAMESPACE, TENANT_NAME, tenantNamespace } from '../../src/contract/names.js';
import { RESERVED_ENV_PREFIX, RUNTIME_ENV } from '../../src/contract/runtime.js';
import { buildPlacement } from '../../src/domains/clusters/manifests/placement.js';
import { buildSystem } from '../../src/domains/clusters/manifests/system.js';
import { checkData, checkSetName } from '../../src/domains/configuration/environment-data.policy.js';
import { functionProblems } from '../../src/domains/functions/function-rules.policy.js';
import { buildEnvironment } from '../../src/domains/functions/manifests/environment.js';
import { buildFunction, type PlacedRevision } from '../../src/domains/functions/manifests/function.js';
import type { QuotaLimit } from '../../src/domains/tenants/quota-admission.js';
import { buildDeployment, FIXED_REPLICAS } from '../../src/operator/function/manifests/deployment.js';
import { buildNetworkPolicy } from '../../src/operator/function/manifests/network-policy.js';
import { buildRevisionService, buildService, SWITCHED_AT } from '../../src/operator/function/manifests/service.js';
import { buildOperatorRbac } from '../../src/operator/manifests/operator-rbac.js';
import { Chance } from '../support/contract/chance.js';

const SEED = Number(process.env.FNPLANE_FUZZ_SEED ?? 20_261_125);
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const LABEL_1035 = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;
const LABEL_1123 = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$/;
const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;
const CONFIG_KEY = /^[-._a-zA-Z0-9]{1,253}$/;

/** Legal, and as close to the platform's own words as a tenant can get. */
const NASTY = [
  'a', 'z9', 'a'.repeat(40), 'default', 'kubernetes', 'kube-system', 'kube-dns', 'kube-root-ca', 'fnplane', 'fnplane-function', 'fnplane-system', 'fnplane-operator', 'fnplane-operator-namespaced', 'default-deny', 'fnplane-default-deny',
  'egress-cluster', 'egress-internet', 'bounds', 'fnplane-bounds', 'access', 'access-list', 'placement', 'function', 'configuration', 'a-r00001', 'a-r00002', 'a-r00001-r00001', 'a-r1', 'r00001', 'a-env', 'a-env-0123456789abcdef', 'a--b', 'a--r00001',
  'localhost', 'metrics', 'healthz', 'null', 'true', 'constructor', 'prototype', 'fnp-00000000000000000000000000000000', 'svc', 'cluster', 'local', 'gateway', 'operator', `${'a'.repeat(33)}-r00001`, 'e1', 'n', 'y', 'no', 'yes', 'x'.repeat(32), 'f'.repeat(39),
];
/** Refused, whatever the future changes. */
const ILLEGAL = ['', '-a', 'a-', 'A', 'a.b', 'a_b', 'a---b', 'fnplane.default-deny', 'a/b', '..', '1a', 'ä', 'a b', 'a\0', 'a\n', 'a'.repeat(41), 'abcdef01-2345-4678-89ab-cdef01234567', 'kube-root-ca.crt', 'a%2f', '$(PORT)', '--help', 'a\u200b'];

interface Made {
  kind: string;
  namespace: string;
  name: string;
  /** UUID of the function, or `platform`. */
  owner: string;
  manifest: Manifest;
}

interface Manifest {
  metadata: { name?: string; namespace?: string; labels?: Record<string, string>; annotations?: Record<string, string> };
}

interface NamedFunction {
  id: string;
  name: string;
  revisions: number[];
}

const limits: Record<QuotaLimit, number> = new Proxy({} as Record<QuotaLimit, number>, { get: () => 10 });

function legalName(chance: Chance): string {
  if (chance.is(0.3)) return chance.of(NASTY);
  const letters = 'abcdefghijklmnopqrstuvwxyz';
  const inner = Array.from({ length: chance.number(39) }, () => chance.of([...letters, ...'0123456789', '-', '-', 'r', '0', '0'])).join('').replaceAll(/-{3,}/g, '--');
  const name = `${chance.of([...letters])}${inner}`.replace(/-+$/, '') + chance.of(['', '-r00001', '-env', '0']);
  return FUNCTION_NAME.test(name) ? name : legalName(chance);
}

/** Everything that stands on a cluster for one tenant and its functions. */
function clusterOf(tenant: { id: string; name: string }, functions: readonly NamedFunction[], chance: Chance): Made[] {
  const made: Made[] = [];
  const put = (owner: string, kind: string, manifest: object): void => {
    const { metadata } = manifest as Manifest;
    made.push({ owner, kind, namespace: metadata.namespace ?? '', name: metadata.name!, manifest: manifest as Manifest });
  };
  for (const { type, manifest } of [...buildSystem(), ...buildPlacement({ tenantId: tenant.id, limits, accessList: { tenantId: tenant.id, tenant: tenant.name, keys: [], members: [], rateLimit: { perSecond: 1, burst: 1 } }, blockedEgress: [] })]) put('platform', type.kind, manifest);
  for (const manifest of buildOperatorRbac(SYSTEM_NAMESPACE)) put('platform', String(manifest.kind), manifest);
  // What Kubernetes itself puts into every namespace.
  for (const [kind, name] of [['ConfigMap', 'kube-root-ca.crt'], ['ServiceAccount', 'default']] as const) put('platform', kind, { metadata: { name, namespace: tenantNamespace(tenant.id) } });
  for (const fn of functions) {
    const namespace = tenantNamespace(tenant.id);
    const revisions = fn.revisions.map((number): PlacedRevision => {
      const secrets = [legalName(chance), legalName(chance)].map((name, index) => ({ name, data: { [`S${index}`]: `${number}` } }));
      const { configMap, secret, files } = buildEnvironment({
        namespace, tenantId: tenant.id, fn: { ...fn, nameKey: fn.id }, plain: { A: `${number}`, ...variables(chance) }, secrets, inline: variables(chance), delivery: { as: 'both', updates: 'rolling' },
      });
      put(fn.id, 'ConfigMap', configMap!);
      put(fn.id, 'Secret', secret!);
      for (const { object } of files) put(fn.id, 'Secret', object);
      return {
        number, image: `registry.test/x@sha256:${'a'.repeat(64)}`, configMap: configMap!.metadata.name, secret: secret!.metadata.name,
        secretFiles: files.map(({ name, object }) => ({ name, secret: object.metadata.name })), missingValues: [],
        effective: { runtime: 'node', handler: 'handler.handle', metering: 'runtime', resources: { cpuMillis: 10, memoryMb: 16, ephemeralStorageMb: 1 }, timeoutSeconds: 1, concurrency: 0 },
      };
    });
    const resource: FunctionResource = buildFunction({ namespace, tenant, target: fn.revisions[0]!, revisions, suspension: 'none', fn: { id: fn.id, name: fn.name, generation: 1, scaling: { min: 1, max: 1 }, authentication: 'none' } });
    put(fn.id, 'Function', resource);
    for (const revision of resource.spec.revisions as RevisionSpec[]) put(fn.id, 'Deployment', buildDeployment(resource, revision, 1));
    put(fn.id, 'Service', buildService(resource, fn.revisions[0]!, new Date(0).toISOString()));
    for (const number of fn.revisions) put(fn.id, 'Service', buildRevisionService(resource, number));
    put(fn.id, 'NetworkPolicy', buildNetworkPolicy(resource, true));
  }
  return made;
}

function variables(chance: Chance): Record<string, string> {
  return Object.fromEntries(Array.from({ length: chance.number(4) }, () => [chance.of(['PATH', '_', 'a', 'LD_PRELOAD', 'constructor', 'KUBERNETES_SERVICE_HOST', 'HOSTNAME', 'fnplane', 'PORTS', '__proto']), chance.of(['$(PORT)', '', 'x'])]));
}

const platformLabels = new Set<string>([...Object.values(LABEL), 'pod-security.kubernetes.io/enforce', 'pod-security.kubernetes.io/enforce-version']);
const matches = (selector: Record<string, string>, labels: Record<string, string>): boolean => Object.entries(selector).every(([key, value]) => labels[key] === value);

describe(`names and labels of tenants (seed ${SEED})`, () => {
  const chance = new Chance(SEED);
  const worlds = Array.from({ length: 40 }, () => {
    const tenant = { id: randomUUID(), name: legalName(chance) };
    const names = new Set([...(chance.is(0.4) ? NASTY : []), ...Array.from({ length: 30 }, () => legalName(chance))]);
    const functions = [...names].map((name): NamedFunction => ({ id: randomUUID(), name, revisions: [...new Set([1 + chance.number(3), chance.of([1, 2, 99_999, 100_000, 2_147_483_647])])] }));
    return { tenant, functions, made: clusterOf(tenant, functions, chance) };
  });

  it('are legal as these tests think', () => {
    for (const name of NASTY.filter((word) => word.length <= 40)) expect.soft([name, FUNCTION_NAME.test(name)]).toEqual([name, true]);
    for (const name of ILLEGAL) {
      expect.soft([name, FUNCTION_NAME.test(name), TENANT_NAME.test(name)]).toEqual([name, false, false]);
      expect.soft(functionProblems({ name, runtime: 'python', source: { inline: { 'handler.py': 'x' } } }), name).not.toEqual([]);
    }
  });

  it('let nothing through that Kubernetes, an address or an id could take for something else', () => {
    const alphabet = [...'abcxyz0189-', '---', 'A', '.', '_', '/', '%', '\0', 'ä', ' ', '\n', '\u202e', '-r00001'];
    for (let round = 0; round < 20_000; round += 1) {
      const text = chance.is(0.02) ? randomUUID() : Array.from({ length: chance.number(45) }, () => chance.of(alphabet)).join('');
      if (FUNCTION_NAME.test(text)) expect([text, LABEL_1035.test(text), text.length <= 40, UUID.test(text), text.includes('---')]).toEqual([text, true, true, false, false]);
      if (accepts(() => checkSetName(text))) expect([text, LABEL_1035.test(text), UUID.test(text)]).toEqual([text, true, false]);
      if (accepts(() => checkData({ [text]: 'x' }))) expect(text).toMatch(/^(?!PORT$)[A-Za-z_]\w{0,127}$/);
    }
    for (const name of [RUNTIME_ENV.port, `${RESERVED_ENV_PREFIX}X`, '__proto__', 'a-b', 'a=b', '1a', '', 'A\0']) expect([name, accepts(() => checkData({ [name]: 'x' }))]).toEqual([name, false]);
  });

  it('give objects with names that their kind allows', () => {
    for (const { kind, name, namespace } of worlds.flatMap(({ made }) => made)) {
      const rule = kind === 'Service' ? LABEL_1035 : kind === 'Namespace' ? LABEL_1123 : SUBDOMAIN;
      expect([kind, name, rule.test(name), name.length <= 253, namespace === '' || LABEL_1123.test(namespace)]).toEqual([kind, name, true, true, true]);
      // Deployments become the prefix of pods, whose names are their host names.
      if (kind === 'Deployment') expect(name.length).toBeLessThanOrEqual(52);
    }
  });

  it('give each object to one function, and none of the platform\'s to any', () => {
    for (const { made } of worlds) {
      const owners = new Map<string, Made>();
      for (const object of made) {
        const key = `${object.kind} ${object.namespace}/${object.name}`;
        const present = owners.get(key);
        // The worker and the operator describe some objects of the platform both.
        if (present?.owner !== 'platform' || object.owner !== 'platform') expect(present && `${key}: ${present.owner} and ${object.owner}`).toBeUndefined();
        owners.set(key, object);
      }
    }
  });

  it('stay in the namespace of their tenant, which no name decides', () => {
    for (const { tenant, made } of worlds) {
      for (const { owner, namespace } of made) if (owner !== 'platform') expect(namespace).toBe(tenantNamespace(tenant.id));
      expect(tenantNamespace(tenant.id)).not.toBe(SYSTEM_NAMESPACE);
      expect(tenantNamespace(tenant.id)).not.toMatch(/^(kube-|default$)/);
    }
    expect(new Set(worlds.map(({ tenant }) => tenantNamespace(tenant.id))).size).toBe(worlds.length);
  });

  it('never become labels or annotations beside the platform\'s own', () => {
    for (const { manifest, kind, name } of worlds.flatMap(({ made }) => made)) {
      const template = (manifest as { spec?: { template?: Manifest } }).spec?.template;
      for (const { labels = {}, annotations = {} } of [manifest.metadata, ...(template ? [template.metadata] : [])]) {
        expect([kind, name, Object.keys(labels).filter((key) => !platformLabels.has(key))]).toEqual([kind, name, []]);
        expect([kind, name, Object.values(labels).filter((value) => !LABEL_VALUE.test(value))]).toEqual([kind, name, []]);
        expect([kind, name, Object.keys(annotations).filter((key) => ![ANNOTATION.inputHash, SWITCHED_AT, FIXED_REPLICAS].includes(key))]).toEqual([kind, name, []]);
        expect(Object.keys(annotations).every((key) => key.startsWith(`${API_GROUP}/`))).toBe(true);
      }
    }
  });

  it('select a function\'s own pods and no others', () => {
    for (const { functions, made } of worlds) {
      const pods = made.filter(({ kind }) => kind === 'Deployment').map(({ owner, name, manifest }) => ({ owner, name, labels: (manifest as unknown as { spec: { template: { metadata: { labels: Record<string, string> } } } }).spec.template.metadata.labels }));
      for (const { kind, owner, name, manifest } of made.filter((object) => object.owner !== 'platform')) {
        const { selector, podSelector } = ((manifest as { spec?: object }).spec ?? {}) as { selector?: Record<string, string> & { matchLabels?: Record<string, string> }; podSelector?: { matchLabels: Record<string, string> } };
        const wanted = kind === 'Deployment' ? selector!.matchLabels! : kind === 'Service' ? selector! : kind === 'NetworkPolicy' ? podSelector!.matchLabels : undefined;
        if (!wanted) continue;
        const chosen = pods.filter(({ labels }) => matches(wanted, labels));
        expect(Object.keys(wanted).length).toBeGreaterThan(0);
        expect([kind, name, chosen.map((pod) => pod.owner).filter((one) => one !== owner)]).toEqual([kind, name, []]);
        const own = functions.find(({ id }) => id === owner)!;
        expect([kind, name, chosen.length]).toEqual([kind, name, kind === 'NetworkPolicy' ? own.revisions.length : 1]);
        if (kind === 'Deployment') expect(chosen[0]!.name).toBe(name);
      }
    }
  });

  it('give variables that are keys, and none that the platform sets', () => {
    for (const { kind, manifest } of worlds.flatMap(({ made }) => made).filter((object) => object.owner !== 'platform' && ['ConfigMap', 'Secret'].includes(object.kind))) {
      for (const key of Object.keys((manifest as unknown as { data: object }).data)) expect([kind, key, CONFIG_KEY.test(key), key === RUNTIME_ENV.port || key.startsWith(RESERVED_ENV_PREFIX)]).toEqual([kind, key, true, false]);
    }
  });
});

function accepts(check: () => void): boolean {
  try {
    check();
    return true;
  } catch {
    return false;
  }
}
