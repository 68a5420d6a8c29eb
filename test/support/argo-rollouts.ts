import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { KubernetesClient } from '../../src/platform/kubernetes/kubernetes-client.js';
import type { KubernetesObject } from '../../src/platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../../src/platform/kubernetes/resource-type.js';
import { servesType } from '../../src/platform/kubernetes/served-types.js';
import { eventually } from './eventually.js';
import { needed } from './platform.js';

const MANAGER = { fieldManager: 'fnplane-test' };
const NAME = 'argo-rollouts';

/** The real controller of Argo Rollouts beside a cluster, with the rights its own manifests give it, in one namespace alone. */
export class ArgoController {
  private child: ChildProcess | undefined;
  private readonly folder = mkdtempSync(join(tmpdir(), 'fnplane-argo-'));

  constructor(private readonly admin: KubernetesClient, private readonly adminKubeconfig: string, private readonly namespace: string) {}

  /** Its definitions, and nothing that acts on them. */
  async install(): Promise<void> {
    await Promise.all(definitions().map((definition) => this.admin.apply(RESOURCE.customResourceDefinition, definition, MANAGER)));
    await eventually(async () => {
      if (!(await servesType(this.admin, RESOURCE.rollout, { timeoutMs: 5_000 }))) throw new Error('Rollouts are not served yet');
    }, { withinMs: 20_000 });
  }

  async start(): Promise<void> {
    const kubeconfig = join(this.folder, 'kubeconfig');
    writeFileSync(kubeconfig, await this.kubeconfig(), { mode: 0o600 });
    const args = ['--kubeconfig', kubeconfig, '--namespaced', '--leader-elect=false', '--metricsport', '0', '--healthzPort', '0', '--loglevel', 'error'];
    const child = spawn(needed('FNPLANE_TEST_ARGO_CONTROLLER'), args, { stdio: 'ignore', env: { ...process.env, POD_NAMESPACE: this.namespace } });
    await once(child, 'spawn');
    this.child = child;
  }

  /** Ends the controller; Rollouts stay as they are. */
  async end(): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  async remove(): Promise<void> {
    await this.end();
    rmSync(this.folder, { recursive: true, force: true });
    await Promise.all(definitions().map(({ metadata }) => this.admin.delete(RESOURCE.customResourceDefinition, metadata)));
  }

  private async kubeconfig(): Promise<string> {
    const { namespace } = this;
    const metadata = { name: NAME, namespace };
    const { rules } = read<KubernetesObject & { rules: object[] }>('role/argo-rollouts-clusterrole.yaml');
    await this.admin.apply(RESOURCE.serviceAccount, { metadata }, MANAGER);
    await this.admin.apply(RESOURCE.role, { metadata, rules } as KubernetesObject, MANAGER);
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: NAME };
    await this.admin.apply(RESOURCE.roleBinding, { metadata, roleRef, subjects: [{ kind: 'ServiceAccount', ...metadata }] } as KubernetesObject, MANAGER);
    const body = JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3_600 } });
    const answer = await this.admin.raw('POST', `/api/v1/namespaces/${namespace}/serviceaccounts/${NAME}/token`, { body, contentType: 'application/json' });
    const { status: { token } } = JSON.parse(answer) as { status: { token: string } };
    const { clusters } = parse(readFileSync(this.adminKubeconfig, 'utf8')) as { clusters: { name: string }[] };
    return JSON.stringify({
      apiVersion: 'v1', kind: 'Config', clusters, 'current-context': NAME, users: [{ name: NAME, user: { token } }],
      contexts: [{ name: NAME, context: { cluster: clusters[0]?.name, user: NAME, namespace } }],
    });
  }
}

function definitions(): KubernetesObject[] {
  return readdirSync(join(needed('FNPLANE_TEST_ARGO_MANIFESTS'), 'crds')).filter((name) => name.endsWith('-crd.yaml')).map((name) => read(`crds/${name}`));
}

function read<T>(path: string): T {
  return parse(readFileSync(join(needed('FNPLANE_TEST_ARGO_MANIFESTS'), path), 'utf8')) as T;
}
