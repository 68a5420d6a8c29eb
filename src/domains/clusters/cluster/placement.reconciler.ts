import { Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { accessListName, FIELD_MANAGER, LABEL, MANAGED_BY, SYSTEM_NAMESPACE, tenantNamespace } from '../../../contract/names.js';
import type { KubernetesClient } from '../../../platform/kubernetes/kubernetes-client.js';
import { isConflict, isNotFound, isRefused } from '../../../platform/kubernetes/kubernetes-errors.js';
import type { KubernetesObject, Namespace } from '../../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../../../platform/kubernetes/resource-type.js';
import { partLogger } from '../../../platform/observability/logger.js';
import type { PlacementObject } from '../manifests/placement-objects.js';
import type { AppliedObjects } from '../store/placement.entity.js';
import { ClusterBootstrap } from './cluster-bootstrap.js';
import { contentFingerprint, isAsAsked, strayLabels } from './object-content.policy.js';
import { inputHash, isEmpty, placementKey, planPlacement, type RecordedPlacement } from './placement.plan.js';
import { describeRemains } from './remains.policy.js';

/** What a run came to. `applied` holds what was applied in this run; all of it where `full`. */
export type PlacementOutcome =
  | { kind: 'unchanged' }
  | { kind: 'applied'; namespaceUid: string; applied: AppliedObjects; full: boolean; failure: unknown }
  | { kind: 'terminating' }
  | { kind: 'not-ours' };

export type RemovalOutcome = { gone: true } | { gone: false; message: string };

type NamespaceOutcome = { kind: 'ours'; object: Namespace; fresh: boolean } | { kind: 'terminating' } | { kind: 'not-ours' };

/** A binding's role and a Secret's type cannot be changed. No other kind is ever deleted to be mended: a policy that is gone for a moment is a hole. */
const HAS_FIXED_FIELDS: ReadonlySet<string> = new Set([RESOURCE.roleBinding.plural, RESOURCE.secret.plural]);
const MANAGER = { fieldManager: FIELD_MANAGER.worker };

/** Brings one tenant's objects on one cluster in line with what is asked for, and takes them away again. */
@Injectable()
export class PlacementReconciler {
  private readonly log: Logger = partLogger('placement');

  constructor(private readonly bootstrap: ClusterBootstrap) {}

  /** @param created called as soon as the namespace's UID is known, before anything else is made. */
  async apply(client: KubernetesClient, desired: readonly [PlacementObject, ...PlacementObject[]], recorded: RecordedPlacement, created: (uid: string) => Promise<void>): Promise<PlacementOutcome> {
    let plan = planPlacement(desired, recorded, Date.now());
    if (isEmpty(plan)) return { kind: 'unchanged' };
    await this.bootstrap.ensure(client);
    const applied: AppliedObjects = {};
    let namespaceUid = recorded.namespaceUid;
    let fresh = false;
    if (plan.namespace) {
      const namespace = await this.applyNamespace(client, plan.namespace.manifest, recorded.namespaceUid);
      if (namespace.kind !== 'ours') return namespace;
      fresh = namespace.fresh;
      // In a new namespace nothing of what was applied before is left.
      if (fresh) plan = { full: true, namespace: plan.namespace, others: desired.slice(1) };
      applied[placementKey(RESOURCE.namespace, namespace.object)] = { input: inputHash(desired[0]), observed: contentFingerprint(RESOURCE.namespace, namespace.object) };
      const uid = namespace.object.metadata.uid!;
      if (uid !== namespaceUid) await created(uid);
      namespaceUid = uid;
    }
    const failure = await this.applyOthers(client, plan.others, fresh, applied);
    return { kind: 'applied', namespaceUid: namespaceUid!, applied, full: plan.full, failure };
  }

  /** Deletes the access list and the namespace; to be called until it says gone. Never waits. */
  async remove(client: KubernetesClient, tenantId: string, namespaceUid: string | null): Promise<RemovalOutcome> {
    const [listGone, remains] = await Promise.all([this.removeAccessList(client, tenantId), this.removeNamespace(client, tenantId, namespaceUid)]);
    if (remains) return { gone: false, message: remains };
    return listGone ? { gone: true } : { gone: false, message: 'The list of those who may invoke its functions is being deleted.' };
  }

  /** All at once; the first failure is answered after all of them have ended, with what succeeded kept. */
  private async applyOthers(client: KubernetesClient, objects: readonly PlacementObject[], fresh: boolean, applied: AppliedObjects): Promise<unknown> {
    const results = await Promise.allSettled(objects.map(async (object) => {
      const answer = (fresh && (await this.createOne(client, object))) || (await this.applyOne(client, object));
      applied[placementKey(object.type, object.manifest)] = { input: inputHash(object), observed: contentFingerprint(object.type, answer) };
    }));
    const failure = results.find((result) => result.status === 'rejected')?.reason as unknown;
    // The system namespace may have been deleted since the cluster was prepared.
    if (isNotFound(failure)) this.bootstrap.forget(client);
    return failure;
  }

  /** In a namespace made a moment ago there is mostly nothing to merge with. @returns undefined where there is */
  private async createOne(client: KubernetesClient, { type, manifest }: PlacementObject): Promise<KubernetesObject | undefined> {
    try {
      return await client.create(type, manifest, MANAGER);
    } catch (error) {
      if (!isConflict(error)) throw error;
      return undefined;
    }
  }

  private async applyOne(client: KubernetesClient, { type, manifest }: PlacementObject): Promise<KubernetesObject> {
    let answer: KubernetesObject;
    try {
      answer = await client.apply(type, manifest, MANAGER);
    } catch (error) {
      if (!isRefused(error) || !HAS_FIXED_FIELDS.has(type.plural)) throw error;
      answer = await this.makeAnew(client, { type, manifest }, error);
    }
    if (isAsAsked(type, manifest, answer)) return answer;
    // Somebody's additions survive an apply that does not name them; the object is the platform's own, so it is put as a whole.
    answer = await client.replace(type, manifest);
    if (!isAsAsked(type, manifest, answer)) this.log.warn({ cluster: client.cluster, object: placementKey(type, manifest), namespace: manifest.metadata.namespace }, 'the cluster keeps an object otherwise than asked for');
    return answer;
  }

  /** What bears our name with other values in fields that cannot be changed has to go first. */
  private async makeAnew(client: KubernetesClient, { type, manifest }: PlacementObject, refusal: unknown): Promise<KubernetesObject> {
    const { name, namespace } = manifest.metadata;
    const present = await client.find(type, { name, ...(namespace ? { namespace } : {}) });
    if (!present || isAsAsked(type, manifest, present)) throw refusal;
    await client.delete(type, present.metadata, { uid: present.metadata.uid! });
    return client.apply(type, manifest, MANAGER);
  }

  private async applyNamespace(client: KubernetesClient, manifest: KubernetesObject, recordedUid: string | null): Promise<NamespaceOutcome> {
    let refusal: unknown;
    try {
      if (recordedUid === null) return { kind: 'ours', fresh: true, object: await client.create<Namespace>(RESOURCE.namespace, manifest, MANAGER) };
      return await this.applyOwnNamespace(client, manifest, recordedUid, false);
    } catch (error) {
      // Another UID than the one that stands there is refused as an immutable field (422), one where nothing stands as a conflict.
      if (!isConflict(error) && !isNotFound(error) && !isRefused(error)) throw error;
      refusal = error;
    }
    const present = await client.find<Namespace>(RESOURCE.namespace, { name: manifest.metadata.name });
    if (!present) return { kind: 'ours', fresh: true, object: await client.create<Namespace>(RESOURCE.namespace, manifest, MANAGER) };
    if (!isOwn(present, manifest.metadata.labels?.[LABEL.tenant], recordedUid)) return { kind: 'not-ours' };
    if (isRefused(refusal)) throw refusal;
    return this.applyOwnNamespace(client, manifest, present.metadata.uid!, recordedUid === null);
  }

  /** The UID in the request is a precondition: another namespace of that name is not touched. */
  private async applyOwnNamespace(client: KubernetesClient, manifest: KubernetesObject, uid: string, fresh: boolean): Promise<NamespaceOutcome> {
    let object = await client.apply<Namespace>(RESOURCE.namespace, { ...manifest, metadata: { ...manifest.metadata, uid } }, MANAGER);
    if (object.metadata.deletionTimestamp) return { kind: 'terminating' };
    const stray = strayLabels(manifest, object);
    if (stray.length > 0) {
      const labels = Object.fromEntries(stray.map((name) => [name, null]));
      object = await client.patch<Namespace>(RESOURCE.namespace, object.metadata, { metadata: { uid, labels } }, MANAGER);
    }
    return { kind: 'ours', object, fresh };
  }

  private async removeAccessList(client: KubernetesClient, tenantId: string): Promise<boolean> {
    const ref = { namespace: SYSTEM_NAMESPACE, name: accessListName(tenantId) };
    const present = await client.find(RESOURCE.secret, ref);
    if (!present || present.metadata.labels?.[LABEL.managedBy] !== MANAGED_BY) return true;
    return (await client.delete(RESOURCE.secret, ref, { uid: present.metadata.uid! })) === 'gone' || !present.metadata.finalizers?.length;
  }

  /** What is still there, in words; undefined when the namespace is gone or was never ours. */
  private async removeNamespace(client: KubernetesClient, tenantId: string, recordedUid: string | null): Promise<string | undefined> {
    const name = tenantNamespace(tenantId);
    const present = await client.find<Namespace>(RESOURCE.namespace, { name });
    if (!present || !isOwn(present, tenantId, recordedUid)) return undefined;
    if (!present.metadata.deletionTimestamp) await client.delete(RESOURCE.namespace, { name }, { uid: present.metadata.uid! });
    return describeRemains(present);
  }
}

/** By the UID recorded when it was made; before that was recorded, by the label that only the platform writes. */
function isOwn(namespace: Namespace, tenantId: string | undefined, recordedUid: string | null): boolean {
  if (recordedUid !== null) return namespace.metadata.uid === recordedUid;
  return namespace.metadata.labels?.[LABEL.tenant] === tenantId && namespace.metadata.labels?.[LABEL.managedBy] === MANAGED_BY;
}
