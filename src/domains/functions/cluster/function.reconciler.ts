import { Injectable } from '@nestjs/common';
import { FIELD_MANAGER } from '../../../contract/names.js';
import { MOST_SECRETS, type FunctionResource, type RolloutEngine, type RolloutSpec, type Suspension } from '../../../contract/function-resource.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { DomainError } from '../../../platform/errors/domain-error.js';
import { againAfter, DONE, type JobOutcome } from '../../../platform/jobs/job-runner.js';
import { findCondition } from '../../../platform/kubernetes/conditions.js';
import type { KubernetesClient } from '../../../platform/kubernetes/kubernetes-client.js';
import { RESOURCE } from '../../../platform/kubernetes/resource-type.js';
import { ClustersService } from '../../clusters/clusters.service.js';
import { EnvironmentService } from '../../configuration/environment.service.js';
import { TenantsService } from '../../tenants/tenants.service.js';
import { certificateProblem } from '../certificate.policy.js';
import { DEFAULT_SECRET_DELIVERY } from '../function-body.js';
import type { FunctionContribution } from '../function-contributors.js';
import { certificateInvalid } from '../functions.errors.js';
import { FunctionProgress } from '../function-progress.js';
import { buildCertificate, withCertificates, type PlacedCertificate } from '../manifests/certificate.js';
import { buildEnvironment, buildKafkaSecret, objectsOf, secretFilesOf, type EnvironmentObjects, type SecretObject } from '../manifests/environment.js';
import { revisionsBeside } from '../rollout.policy.js';
import { buildFunction, isAsApplied, isInPlace, withSuspension, type PlacedRevision } from '../manifests/function.js';
import type { FunctionWithTarget } from '../store/function.entity.js';
import { RevisionsRepository } from '../store/revisions.repository.js';
import { EnvironmentObjectsOnCluster } from './environment-objects.js';
import { areValuesSealed, isWithoutImage, troubleOf, type Trouble } from './function-trouble.policy.js';
import { FunctionPlacer, type PlacementFacts } from './function.placer.js';
import { FunctionWatch, isSettled } from './function.watch.js';
import { planRelease, type BuiltRevision, type ReleasePlan } from './release.plan.js';
import { shareOfScaling } from '../scaling-share.policy.js';

const PLACING_MS = 1_000;
/** What a cluster refused it may accept later: somebody may have changed its rules. */
const REFUSED_MS = 60_000;
/** Superseded ConfigMaps and Secrets wait until no pod can want them; the watch mostly wakes us sooner. */
const CLEAN_LATER_MS = 60_000;

const NO_SETS = { plain: {}, secrets: [], missing: [] } as const;

interface PlaceResult {
  placement: PlacementFacts;
  /** Superseded objects are left that must go later. */
  cleanLater: boolean;
  failure?: unknown;
}

/** A revision that shall stand on the clusters. */
interface DesiredRevision {
  revision: BuiltRevision;
  objects: EnvironmentObjects;
  /** What its secrets had when it was deployed and have no more. */
  missing: readonly string[];
}

interface Desired {
  plan: ReleasePlan;
  desired: DesiredRevision[];
  kafka: SecretObject | undefined;
  certificates: PlacedCertificate[];
}

/** With what other domains have to say of it. */
export type WantedFunction = FunctionWithTarget & { contribution?: FunctionContribution };

/** Puts one function with a built revision onto the clusters it is to be on. Nothing is sent where nothing differs. */
@Injectable()
export class FunctionReconciler {
  constructor(
    private readonly placer: FunctionPlacer,
    private readonly clusters: ClustersService,
    private readonly environment: EnvironmentService,
    private readonly revisions: RevisionsRepository,
    private readonly watch: FunctionWatch,
    private readonly objects: EnvironmentObjectsOnCluster,
    private readonly progress: FunctionProgress,
    private readonly tenants: TenantsService,
  ) {}

  async reconcile(context: TenantContext, fn: WantedFunction, suspension: Suspension): Promise<JobOutcome> {
    const { on: placements, waitsFor, againMs } = await this.placer.step(context, fn);
    if (placements.length === 0) {
      await this.tell(context, fn, { ...waitsFor, ends: false });
      return nothingToPlace(fn) ? DONE : againAfter(Math.max(PLACING_MS, againMs ?? 0));
    }
    // Side by side: a cluster that hangs keeps the function from no other.
    const results = await Promise.all(placements.map((placement) => this.placeOn(context, fn, suspension, placement)));
    const failed = results.find((result) => result.failure !== undefined);
    if (failed) return this.explain(context, fn, failed);
    await this.progress.placed(context, fn, suspension);
    await this.retell(context, fn, placements);
    const again = results.some(({ cleanLater }) => cleanLater) ? Math.min(CLEAN_LATER_MS, againMs ?? CLEAN_LATER_MS) : againMs;
    return again === undefined ? DONE : againAfter(again);
  }

  /** On a cluster that the tenant leaves only what can be done is done: its replacement is what counts. */
  private async placeOn(context: TenantContext, fn: WantedFunction, suspension: Suspension, placement: PlacementFacts): Promise<PlaceResult> {
    try {
      return { placement, cleanLater: await this.clusters.run(placement.clusterId, 'functions', () => this.place(context, fn, suspension, placement)) };
    } catch (failure) {
      if (placement.leaving && failure instanceof DomainError) return { placement, cleanLater: false };
      return { placement, cleanLater: false, failure };
    }
  }

  private async explain(context: TenantContext, fn: FunctionWithTarget, { placement, failure }: PlaceResult): Promise<JobOutcome> {
    const trouble = troubleOf(failure, placement.clusterName);
    if (!trouble || (areValuesSealed(failure) && this.stands(fn, placement))) throw failure;
    await this.tell(context, fn, trouble);
    if (trouble.ends) return againAfter(REFUSED_MS);
    if (trouble.reason === 'Placing') await this.tenants.requestReconcile(context);
    throw failure;
  }

  /** A target that could not be built stays the owner's news, whatever becomes of the revision before it meanwhile. */
  private async tell(context: TenantContext, fn: FunctionWithTarget, { reason, message, ends }: Trouble): Promise<void> {
    if (fn.target.buildState !== 'failed') await this.progress[ends ? 'failed' : 'working'](context, fn, reason, message);
  }

  /** What was said of troubles on the way gives way to the cluster's own status, also where that has not changed since. */
  private async retell(context: TenantContext, fn: FunctionWithTarget, placements: readonly PlacementFacts[]): Promise<void> {
    if (placements.length === 1 && !this.watch.isOneOfMany && findCondition(fn.conditions, 'Ready')?.status === 'True' && findCondition(fn.conditions, 'Reconciling')?.status === 'False') return;
    for (const { clusterId, namespace } of placements) {
      const resource = this.watch.observed(clusterId, { namespace, name: fn.name });
      if (resource) await this.progress.observed(context, fn.id, await this.watch.overall(context, resource));
    }
  }

  /** @returns whether superseded objects are left that must go later. */
  private async place(context: TenantContext, fn: WantedFunction, suspension: Suspension, placement: PlacementFacts): Promise<boolean> {
    const { clusterId, namespace } = placement;
    const observed = this.watch.observed(clusterId, { namespace, name: fn.name });
    const beside = revisionsBeside(fn, observed?.status ?? fn.release);
    const { plan, desired, kafka, certificates } = await this.desired(context, fn, namespace, beside).catch(async (error: unknown) => {
      if (observed && (areValuesSealed(error) || isWithoutImage(error))) await this.suspend(observed, suspension, clusterId);
      throw error;
    });
    // No revision was ever built: the conditions say why.
    if (plan.target === undefined) return false;
    const manifest = buildFunction({
      kafkaSecret: kafka?.metadata.name, namespace, tenant: { id: context.tenantId, name: context.tenantName }, fn: { ...fn, scaling: shareOfScaling(fn.scaling, placement.share) }, suspension, target: plan.target,
      rollout: steppedBy(placement.rolloutEngine, plan.rollout), revisions: desired.map(placedRevision),
      contribution: withCertificates(fn.contribution, certificates),
    });
    const client = this.clusters.clientFor(clusterId);
    const misses = findCondition(observed?.status?.conditions, 'Ready')?.reason === 'ConfigurationMissing';
    const environments: EnvironmentObjects[] = [...desired.map(({ objects }) => objects), ...[kafka, ...certificates.map(({ object }) => object)].flatMap((secret) => (secret ? [{ secret, files: [] }] : []))];
    await this.objects.apply(placement, client, fn, environments, misses);
    if (!isInPlace(manifest, observed)) await this.applyFunction(context, fn, clusterId, client, manifest);
    return this.clean(fn, placement, client, environments, observed);
  }

  /** A suspension needs no values: it goes through while they cannot be opened, and all else stays as it is. */
  private async suspend(observed: FunctionResource, suspension: Suspension, clusterId: string): Promise<void> {
    if (observed.spec.suspension === suspension || !isAsApplied(observed)) return;
    this.watch.adopt(clusterId, await this.clusters.clientFor(clusterId).apply<FunctionResource>(RESOURCE.function, withSuspension(observed, suspension), { fieldManager: FIELD_MANAGER.worker }));
  }

  /** Whether what was asked for last serves: then that its values cannot be opened at the moment is no news for its owner. */
  private stands(fn: FunctionWithTarget, { clusterId, namespace }: PlacementFacts): boolean {
    const observed = this.watch.observed(clusterId, { namespace, name: fn.name });
    return observed !== undefined && isSettled(observed) && observed.spec.platformGeneration === fn.generation;
  }

  private async applyFunction(context: TenantContext, fn: FunctionWithTarget, clusterId: string, client: KubernetesClient, manifest: FunctionResource): Promise<void> {
    const applied = await client.apply<FunctionResource>(RESOURCE.function, manifest, { fieldManager: FIELD_MANAGER.worker });
    this.watch.adopt(clusterId, applied);
    if (manifest.spec.target === fn.targetRevision) await this.progress.applied(context, fn);
  }

  /** Each revision that shall stand there with its environment as it is now, and what is for brokers. @throws {DomainError} TRAFFIC_REVISION_WITHOUT_IMAGE. */
  private async desired(context: TenantContext, fn: WantedFunction, namespace: string, beside: readonly number[]): Promise<Desired> {
    const plan = planRelease(fn, beside, beside.length === 0 ? [] : await this.revisions.findSome(context, fn.id, beside));
    const desired = await Promise.all(plan.revisions.map((revision) => this.withEnvironment(context, fn, revision, namespace)));
    return { plan, desired, kafka: await this.kafkaSecret(context, fn, namespace), certificates: await this.certificates(context, fn, namespace) };
  }

  private async withEnvironment(context: TenantContext, fn: FunctionWithTarget, revision: DesiredRevision['revision'], namespace: string): Promise<DesiredRevision> {
    const { configs = [], secrets: names = [], environment: inline = {} } = revision.spec;
    const { plain, secrets, missing } = configs.length + names.length === 0 ? NO_SETS : await this.environment.resolve(context, { configs, secrets: names }, revision.secretVersions);
    const delivery = revision.effective.secretDelivery ?? DEFAULT_SECRET_DELIVERY;
    return { revision, missing, objects: buildEnvironment({ namespace, tenantId: context.tenantId, fn, plain, secrets, inline, delivery }) };
  }

  /** Undefined where the brokers are reached without a secret. */
  private async kafkaSecret(context: TenantContext, fn: FunctionWithTarget, namespace: string): Promise<SecretObject | undefined> {
    const name = fn.scaling.kafka?.secret;
    if (name === undefined) return undefined;
    const { secrets: [secret] } = await this.environment.resolve(context, { configs: [], secrets: [name] });
    return buildKafkaSecret({ namespace, tenantId: context.tenantId, fn, data: secret?.data ?? {} });
  }

  /** Of the tenant's own hosts. @throws {DomainError} CERTIFICATE_INVALID. */
  private async certificates(context: TenantContext, fn: WantedFunction, namespace: string): Promise<PlacedCertificate[]> {
    const wanted = (fn.contribution?.triggers?.http ?? []).flatMap(({ name, host, tls }) => (tls ? [{ trigger: name, host, secret: tls.secret }] : []));
    if (wanted.length === 0) return [];
    const { secrets } = await this.environment.resolve(context, { configs: [], secrets: [...new Set(wanted.map(({ secret }) => secret))] });
    for (const { trigger, host, secret } of wanted) {
      const problem = certificateProblem(secrets.find(({ name }) => name === secret)?.data ?? {}, host);
      if (problem !== undefined) throw certificateInvalid(trigger, secret, problem);
    }
    return secrets.map((secret) => buildCertificate({ namespace, tenantId: context.tenantId, fn, ...secret }));
  }

  private async clean(fn: FunctionWithTarget, placement: PlacementFacts, client: KubernetesClient, environments: readonly EnvironmentObjects[], observed: FunctionResource | undefined): Promise<boolean> {
    const { clusterId, namespace } = placement;
    const names = [...new Set(environments.flatMap((objects) => Object.values(objectsOf(objects)).flat().map(({ metadata }) => metadata.name)))].sort();
    if (!observed && fn.generation === 1 && this.watch.isSynced(clusterId)) this.objects.isFresh(clusterId, fn.id, names);
    if (!this.objects.needsCleaning(clusterId, fn.id, names)) return false;
    const now = this.watch.observed(clusterId, { namespace, name: fn.name });
    if (!now || !isSettled(now)) return true;
    await this.objects.clean(placement, client, fn.id, names);
    return false;
  }
}

/** By the operator goes without saying. */
function steppedBy(engine: RolloutEngine, rollout: RolloutSpec): RolloutSpec {
  return engine === 'operator' ? rollout : { ...rollout, engine };
}

function nothingToPlace(fn: FunctionWithTarget): boolean {
  return fn.target.buildState === 'failed' && fn.servingRevision === null;
}

function placedRevision({ revision, objects, missing }: DesiredRevision): PlacedRevision {
  return {
    number: revision.number, effective: revision.effective, image: revision.image, configMap: objects.configMap?.metadata.name, secret: objects.secret?.metadata.name,
    secretFiles: secretFilesOf(objects), missingValues: missing.slice(0, MOST_SECRETS),
  };
}

