import type { FunctionResource, RevisionSpec } from '../../contract/function-resource.js';
import { isPoolRuntime, NODE_POOL_MEMORY_MB, POOL_POD_SIZE, type PoolRuntime } from '../../contract/pool-resource.js';

/** A revision that may start warm. */
export interface WarmRevision extends RevisionSpec {
  runtime: PoolRuntime;
}

/** The revision that serves now; the target where none ever did. */
export function revisionToWake(fn: FunctionResource): RevisionSpec | undefined {
  const shares = [...(fn.status?.traffic ?? [])].sort((a, b) => b.percent - a.percent);
  const wanted = [shares[0]?.revision, fn.status?.servingRevision, fn.spec.target];
  for (const number of wanted) {
    const found = fn.spec.revisions.find((revision) => revision.number === number);
    if (found) return found;
  }
  return undefined;
}

/** Whether a pod of the pool can become this revision and be in every way what its own pod would be. */
export function mayStartWarm(fn: FunctionResource, revision: RevisionSpec): revision is WarmRevision {
  if (!isPoolRuntime(revision.runtime) || fn.spec.suspension !== 'none' || fn.metadata.deletionTimestamp) return false;
  if (revision.resources.ephemeralStorageMb > POOL_POD_SIZE.ephemeralStorageMb) return false;
  if (revision.runtime === 'node' && revision.resources.memoryMb > NODE_POOL_MEMORY_MB) return false;
  // The kubelet brings live secrets up to date in files of its own only.
  return !(revision.secretDelivery?.updates === 'live' && (revision.secretFiles?.length ?? 0) > 0);
}

/** Read once, when a process starts: in one that runs they would have no effect. */
const READ_AT_START = /^(?:LD_|MALLOC_|GLIBC_|LC_|LANG$|LANGUAGE$|NODE_|UV_|SSL_|OPENSSL_|PYTHON)/;

/** Whether a process that runs already can take this environment on. A Go function is a new process. */
export function canTakeOn(environment: Readonly<Record<string, string>>, runtime: PoolRuntime): boolean {
  return runtime === 'go' || !Object.keys(environment).some((name) => READ_AT_START.test(name));
}
