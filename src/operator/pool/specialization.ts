import type { FunctionResource } from '../../contract/function-resource.js';
import { RUNTIME_ENV } from '../../contract/runtime.js';
import type { WarmRevision } from './claim.policy.js';
import type { RevisionEnvironment } from './revision-environment.js';

/** What the operator says in a function pod's own environment. */
function factsOf(fn: FunctionResource, revision: WarmRevision): Record<string, string> {
  return {
    [RUNTIME_ENV.tenant]: fn.spec.tenant,
    [RUNTIME_ENV.function]: fn.metadata.name,
    [RUNTIME_ENV.revision]: String(revision.number),
    [RUNTIME_ENV.handler]: revision.handler,
    [RUNTIME_ENV.timeoutMs]: String(revision.timeoutSeconds * 1_000),
    [RUNTIME_ENV.concurrency]: String(revision.concurrency),
  };
}

/** The body that makes a waiting pod a function: length, JSON, code (see `deploy/runtimes/README.md`). Pure. */
export function buildSpecialization(fn: FunctionResource, revision: WarmRevision, { variables, secretFiles }: RevisionEnvironment, code: Buffer): Buffer {
  const head = Buffer.from(JSON.stringify({ facts: factsOf(fn, revision), environment: variables, secretFiles }));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(head.length);
  return Buffer.concat([length, head, code]);
}
