import type { FunctionResource } from '../../../src/contract/function-resource.js';
import type { BareCluster, ClusterObject } from '../harness/bare-cluster.ts';
import { compiled } from '../harness/compiled.ts';
import { watchSteal } from '../harness/machine.ts';
import { buildResult, median, medianRatio, spread, type Findings } from '../harness/result.ts';
import { until } from '../harness/until.ts';
import { Milestones } from './milestones.ts';
import { expectStatus, FUNCTION_READY_MS, untilReady, type Stage } from '../stage/stage.ts';

/** A start takes seconds and comes in steps of the kubelet's own second: fewer rounds would tell little. */
const LEAST_ROUNDS = 7;
const POLL_MS = 20;
/** Pods of the function whose image the others run. */
const KEPT = /^warm-source-/;
const SOURCE = 'def handle(event, context):\n    return {"ok": True}\n';

/** From the request until Ready, over the same Deployment and Service applied by a script until available. */
export async function benchFunctionDeploy(stage: Stage): Promise<Findings> {
  const rounds = Math.max(stage.rounds, LEAST_ROUNDS);
  await stage.sharedFunction.release();
  // The first of each warms up; the very first leaves the image that the others run.
  const { image } = (await deploy(stage, 'warm-source', { runtime: 'python', source: { inline: { 'handler.py': SOURCE } } })).effective as { image: string };
  await deploy(stage, 'warm-image', { runtime: 'image', image });
  const bareWorkload = await workloadOf(stage, 'warm-image');
  await applyBare(stage.cluster, bareWorkload('warm-bare'));
  await removeAll(stage, ['warm-image'], bareWorkload('warm-bare'));
  const times = { image: [] as number[], source: [] as number[], bare: [] as number[] };
  const milestones = await Milestones.watch(stage.cluster, stage.tenant.namespace);
  const steal = watchSteal();
  const timed = async (kind: keyof typeof times, name: string, work: () => Promise<unknown>): Promise<void> => {
    const start = performance.now();
    milestones.begin(name, kind, start);
    await work();
    times[kind].push(performance.now() - start);
  };
  try {
    for (let round = 0; round < rounds; round++) {
      stage.signal.throwIfAborted();
      const sides = [
        () => timed('image', `image-${round}`, () => deploy(stage, `image-${round}`, { runtime: 'image', image })),
        () => timed('bare', `bare-${round}`, () => applyBare(stage.cluster, bareWorkload(`bare-${round}`))),
        () => timed('source', `source-${round}`, () => deploy(stage, `source-${round}`, { runtime: 'python', source: { inline: { 'handler.py': `${SOURCE}# ${round}\n` } } })),
      ];
      for (let i = 0; i < sides.length; i++) await sides[(round + i) % sides.length]!();
      const [viaImage, viaSource, viaBare] = [times.image, times.source, times.bare].map((all) => `${(all.at(-1)! / 1000).toFixed(2)} s`);
      await removeAll(stage, [`image-${round}`, `source-${round}`], bareWorkload(`bare-${round}`));
      stage.progress.say(`  round ${round + 1}: from an image ${viaImage}, from source ${viaSource}, the script ${viaBare}`);
    }
  } finally {
    milestones.end();
  }
  return findings(times, milestones, steal());
}

function findings(times: Record<'image' | 'source' | 'bare', number[]>, milestones: Milestones, steal: number): Findings {
  const relativeTo = 'the same Deployment and Service applied by a bare script until available, time';
  const bound = { op: '<=', value: 1.3 } as const;
  const seconds = (values: readonly number[]): string => spread(values.map((ms) => ms / 1000), 's');
  return {
    steal,
    results: [
      buildResult({ name: 'function deploy to Ready', figure: medianRatio(times.image, times.bare), unit: 'ratio', relativeTo, bound }),
      buildResult({ name: 'function deploy from source to Ready', figure: medianRatio(times.source, times.bare), unit: 'ratio', relativeTo: `${relativeTo}, its image being there already`, bound }),
      buildResult({ name: 'function deploy from source, seconds', figure: median(times.source) / 1000, unit: 's' }),
    ],
    notes: [`from an image ${seconds(times.image)}, from source ${seconds(times.source)}, the script ${seconds(times.bare)}`, ...milestones.describe()],
  };
}

async function deploy({ platform, tenant, signal }: Stage, name: string, body: object): Promise<Record<string, unknown>> {
  const path = `/v1/tenants/${tenant.name}/functions/${name}`;
  expectStatus(await platform.operator.put(path, body), 202);
  return untilReady(platform.operator, path, FUNCTION_READY_MS, POLL_MS, signal);
}

/** Their pods must have gone before the next round: they hold room on the node, and their end is work for everybody. */
async function removeAll({ cluster, platform, tenant, signal }: Stage, names: readonly string[], workload: Workload): Promise<void> {
  const functions = names.map((name) => `/v1/tenants/${tenant.name}/functions/${name}`);
  await Promise.all([...functions.map((path) => platform.operator.delete(path)), ...workload.map(({ path }) => cluster.delete(path))]);
  await until('the end of the round\'s pods', async () => {
    const left = await cluster.list(`/api/v1/namespaces/${tenant.namespace}/pods`, '');
    const names = left.map(({ metadata }) => metadata.name).filter((name) => !KEPT.test(name));
    return names.length === 0 ? { found: true } : { seen: `${names.join(', ')} left` };
  }, { withinMs: FUNCTION_READY_MS, everyMs: 100, signal });
}

type Workload = { path: string; manifest: ClusterObject }[];

/** The operator's own Deployment and Service of the function `model`, under names and labels that make no operator look at them. */
async function workloadOf({ cluster, tenant }: Stage, model: string): Promise<(name: string) => Workload> {
  const { buildDeployment } = await compiled<typeof import('../../../src/operator/function/manifests/deployment.js')>('operator/function/manifests/deployment.js');
  const { buildService } = await compiled<typeof import('../../../src/operator/function/manifests/service.js')>('operator/function/manifests/service.js');
  const fn = (await cluster.get(`/apis/fnplane.dev/v1/namespaces/${tenant.namespace}/functions/${model}`)) as unknown as FunctionResource;
  const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', ...buildDeployment(fn, fn.spec.revisions[0]!, 1) };
  const service = { apiVersion: 'v1', kind: 'Service', ...buildService(fn, fn.spec.target, undefined) };
  return (name) => [
    { path: `/apis/apps/v1/namespaces/${tenant.namespace}/deployments/${name}`, manifest: renamed(deployment, model, name) },
    { path: `/api/v1/namespaces/${tenant.namespace}/services/${name}`, manifest: renamed(service, model, name) },
  ];
}

/** Labels of another prefix, with a value of its own where the selector looks. */
function renamed(manifest: object, model: string, name: string): ClusterObject {
  const copy = JSON.parse(JSON.stringify(manifest).replaceAll('"fnplane.dev/', '"bench.fnplane.dev/').replaceAll(`"${model}"`, `"${name}"`)) as ClusterObject;
  const { ownerReferences: _, ...metadata } = copy.metadata as ClusterObject['metadata'] & { ownerReferences?: unknown };
  const id = 'bench.fnplane.dev/function-id';
  for (const labels of [copy.spec.selector?.matchLabels, copy.spec.template?.metadata.labels, copy.kind === 'Service' ? copy.spec.selector : undefined]) if (labels?.[id]) labels[id] = name;
  return { ...copy, metadata: { ...metadata, name } };
}

async function applyBare(cluster: BareCluster, workload: Workload): Promise<void> {
  await Promise.all(workload.map(({ path, manifest }) => cluster.apply(path, manifest)));
  const { path } = workload.find(({ manifest }) => manifest.kind === 'Deployment')!;
  await until(`${path} available`, async () => {
    const { status } = await cluster.get(path);
    return status?.availableReplicas >= 1 ? { found: true } : { seen: JSON.stringify(status?.conditions) };
  }, { withinMs: FUNCTION_READY_MS, everyMs: POLL_MS });
}
