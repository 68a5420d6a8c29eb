import { Injectable } from '@nestjs/common';
import type { ConditionReason } from '../../../contract/function-resource.js';
import { inlineSource, readSourceArchive } from '../../../platform/archives/source-archive.js';
import type { SourceFile } from '../../../platform/archives/source-file.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { DomainError } from '../../../platform/errors/domain-error.js';
import { CodeService } from '../code.service.js';
import { FunctionImages } from '../function-images.js';
import { FunctionProgress } from '../function-progress.js';
import { codeNotFound } from '../functions.errors.js';
import type { FunctionWithTarget } from '../store/function.entity.js';
import { RevisionsRepository } from '../store/revisions.repository.js';

/** Errors that lie with the function's author although their kind is one of the platform's. */
const AUTHORS_CODES = new Set(['BUILD_TIMEOUT', 'CODE_NOT_FOUND']);

/** Gives a revision its image, by digest: built from its source, or looked up. */
@Injectable()
export class RevisionBuilder {
  constructor(
    private readonly images: FunctionImages,
    private readonly code: CodeService,
    private readonly progress: FunctionProgress,
    private readonly revisions: RevisionsRepository,
  ) {}

  /**
   * @returns the function with its target built, or with it failed: what the author must change stands in the conditions.
   * @throws what may pass by itself; the conditions say that it is tried again
   */
  async ensure(context: TenantContext, fn: FunctionWithTarget, signal: AbortSignal): Promise<FunctionWithTarget> {
    if (fn.target.buildState === 'built') return fn;
    const { runtime } = fn.target.effective;
    if (fn.target.buildState === 'failed') {
      // The failure may have been written for an older generation of the same revision.
      await this.progress.failed(context, fn, runtime === 'image' ? 'ImagePullFailed' : 'BuildFailed', fn.target.buildError ?? '');
      return fn;
    }
    await this.progress.working(context, fn, 'Building', runtime === 'image' ? `Looking up the image of revision ${fn.target.number}.` : `Building revision ${fn.target.number} from its source.`);
    try {
      const image = await this.make(context, fn, signal);
      await this.progress.built(context, fn, image);
      return { ...fn, target: { ...fn.target, image, buildState: 'built' } };
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      const reason = failureReason(error, runtime === 'image');
      if (reason === undefined) {
        await this.progress.working(context, fn, 'RetryingAfterError', `The image cannot be made at the moment and is tried again: ${error.message}`);
        throw error;
      }
      await this.progress.buildFailed(context, fn, reason, error.message);
      return { ...fn, target: { ...fn.target, buildState: 'failed', buildError: error.message } };
    }
  }

  /** The same for revisions that rules of the traffic name: one may have been the target for too short a time to be built. */
  async ensureNamed(context: TenantContext, fn: FunctionWithTarget, signal: AbortSignal): Promise<void> {
    const named = fn.traffic.flatMap(({ revision }) => revision ?? []).filter((number) => number !== fn.targetRevision);
    if (named.length === 0) return;
    for (const target of await this.revisions.findSome(context, fn.id, named)) if (target.buildState === 'pending') await this.ensure(context, { ...fn, target }, signal);
  }

  private async make(context: TenantContext, fn: FunctionWithTarget, signal: AbortSignal): Promise<string> {
    const { runtime, handler } = fn.target.effective;
    if (runtime === 'image') return this.images.pin(context.tenantId, fn.target.spec.image ?? '', signal);
    return this.images.build({ tenantId: context.tenantId, functionName: fn.name, runtime, handler, files: await this.sourceOf(context, fn) }, signal);
  }

  private async sourceOf(context: TenantContext, fn: FunctionWithTarget): Promise<SourceFile[]> {
    const { archive, inline } = fn.target.spec.source ?? {};
    if (inline !== undefined) return inlineSource(inline);
    const bytes = archive === undefined ? null : await this.code.read(context, archive);
    if (!bytes) throw codeNotFound();
    return readSourceArchive(bytes);
  }
}

/** Why the build is over, or undefined where the same build may succeed later. */
function failureReason(error: DomainError, isImage: boolean): ConditionReason | undefined {
  const final = error.kind === 'invalid' || error.kind === 'too-large' || AUTHORS_CODES.has(error.code) || (isImage && error.code === 'REGISTRY_REFUSED');
  return final ? (isImage ? 'ImagePullFailed' : 'BuildFailed') : undefined;
}
