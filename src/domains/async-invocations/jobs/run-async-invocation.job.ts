import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { HEADER } from '../../../contract/runtime.js';
import { systemContext, tenantJobContext, type TenantContext } from '../../../platform/context/context.js';
import { fieldText, type InvocationAnswer } from '../../../platform/invocation/gateway-client.js';
import { againAfter, DONE, type JobHandler, type JobOutcome } from '../../../platform/jobs/job-runner.js';
import { addLogContext } from '../../../platform/observability/logger.js';
import { answerOfError, outcomeOf, type AttemptAnswer } from '../../invocations/attempt-outcome.policy.js';
import { FunctionCalls } from '../../invocations/function-calls.js';
import { TenantDirectory } from '../../tenants/tenant-directory.js';
import { MOST_HOPS } from '../async-destination.js';
import { AsyncEndings } from '../async-endings.js';
import { finishedTotal, queueSeconds } from '../async-invocation-metrics.js';
import { ASYNC_INVOCATION_JOB, MOST_RESULT_BYTES, type KeptResult } from '../async-invocation-states.js';
import { AsyncRunsRepository, type BegunRun, type RunRecord } from '../store/async-runs.repository.js';
import { TenantRoom } from '../tenant-room.js';

const CONCURRENCY = 32;
/** At once in this process: the other half is the others'. */
const MOST_OF_ONE_TENANT = CONCURRENCY / 2;

const TOO_MANY_HOPS: AttemptAnswer = { from: 'platform', code: 'ASYNC_TOO_MANY_HOPS', message: `More than ${MOST_HOPS} invocations led to this one, each the destination of the one before.`, retryAfterSeconds: undefined };

interface Attempt {
  answer: AttemptAnswer;
  answered: RunRecord['answered'];
}

/** Tries an accepted invocation once, and writes down what became of it: at least one try, however often workers die. */
@Injectable()
export class RunAsyncInvocationJob implements JobHandler {
  readonly kind = ASYNC_INVOCATION_JOB;
  readonly concurrency = CONCURRENCY;
  private readonly system = systemContext(ASYNC_INVOCATION_JOB);
  private readonly room = new TenantRoom(MOST_OF_ONE_TENANT);

  constructor(
    private readonly tenants: TenantDirectory,
    private readonly runs: AsyncRunsRepository,
    private readonly calls: FunctionCalls,
    private readonly endings: AsyncEndings,
  ) {}

  /**
   * The call is not bound to the runner's signal, which is raised as soon as the process is asked to end: what is under way may end within the grace.
   * @param key `<tenant id>/<id>`
   */
  async handle(key: string): Promise<JobOutcome> {
    const [tenantId = '', id = ''] = key.split('/');
    const waitMs = this.room.enter(tenantId);
    if (waitMs !== undefined) return againAfter(waitMs);
    const since = performance.now();
    try {
      const tenant = await this.tenants.findAny(this.system, tenantId);
      // A tenant that is being deleted takes its invocations with it.
      if (tenant?.state !== 'active') return DONE;
      return await this.run(tenantJobContext(ASYNC_INVOCATION_JOB, tenant), id);
    } finally {
      this.room.leave(tenantId, performance.now() - since);
    }
  }

  private async run(context: TenantContext, id: string): Promise<JobOutcome> {
    const run = randomUUID();
    const begun = await this.runs.begin(context, id, run);
    if (!begun) return this.lookAgain(context, id);
    addLogContext({ tenant: context.tenantName, function: begun.function, requestId: id });
    queueSeconds.observe(begun.lateMs / 1000);
    const { answer, answered } = await this.attempt(context, id, begun);
    const outcome = outcomeOf(answer, begun, Math.random);
    const recorded = await this.endings.record(context, id, { run, outcome, answered });
    // Another run has it, or nobody wants it any more.
    if (!recorded) return DONE;
    if (outcome.next === 'again') return againAfter(outcome.delayMs);
    finishedTotal.inc({ outcome: outcome.next });
    return DONE;
  }

  /** Ended, gone, expired, or not due yet. */
  private async lookAgain(context: TenantContext, id: string): Promise<JobOutcome> {
    const found = await this.runs.find(context, id);
    if (!found || found.state === 'succeeded' || found.state === 'failed') return DONE;
    if (!found.expired) return againAfter(found.dueInMs);
    if (await this.endings.expire(context, id)) finishedTotal.inc({ outcome: 'expired' });
    return DONE;
  }

  /** @throws what is neither the function's nor the gateway's doing: the run is repeated then. */
  private async attempt(context: TenantContext, id: string, begun: BegunRun): Promise<Attempt> {
    const { function: name, principal, method, path, headers, body, hops, trigger, dueAt } = begun;
    if (hops > MOST_HOPS) return { answer: TOO_MANY_HOPS, answered: undefined };
    try {
      const answer = await this.calls.call(context, {
        // The same at every try, so that the function can tell a repeat.
        function: name, principal, method, path, headers: { ...headers, [HEADER.requestId]: id }, ...(body ? { body } : {}), ...(trigger !== null && dueAt ? { trigger: { name: trigger, dueAt } } : {}), keepBytes: MOST_RESULT_BYTES,
      });
      if (answer.refusal) return { answer: { from: 'platform', code: answer.refusal.code, message: answer.refusal.detail, retryAfterSeconds: answer.refusal.retryAfterSeconds }, answered: undefined };
      return { answer: { from: 'function', status: answer.status }, answered: { status: answer.status, revision: answer.revision, result: resultOf(answer) } };
    } catch (error) {
      const answer = answerOfError(error);
      if (!answer) throw error;
      return { answer, answered: undefined };
    }
  }
}

function resultOf({ headers, body, tooLarge }: InvocationAnswer): KeptResult {
  return { contentType: fieldText(headers['content-type']), contentEncoding: fieldText(headers['content-encoding']), body: tooLarge ? undefined : body };
}
