import { Injectable } from '@nestjs/common';
import { FUNCTION_NAME } from '../../contract/names.js';
import { HEADER } from '../../contract/runtime.js';
import type { TenantContext } from '../../platform/context/context.js';
import type { FieldProblem } from '../../platform/errors/domain-error.js';
import { fieldText, type InvocationAnswer } from '../../platform/invocation/gateway-client.js';
import { withLogContext } from '../../platform/observability/logger.js';
import { functionNotFound } from '../functions/functions.errors.js';
import { FunctionsService } from '../functions/functions.service.js';
import { functionNotReady, invocationInvalid, invocationTooLarge, refusedByGateway } from './invocations.errors.js';
import { FunctionCalls } from './function-calls.js';
import { headerProblems, MAX_PAYLOAD_BYTES, pathProblem, type InvocationMethod } from './invocation-request.policy.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export interface InvokeFunction {
  /** Name or id of the function. */
  function: string;
  method: InvocationMethod;
  /** What the function sees as its request target: `/orders?dry=1`. */
  path: string;
  /** Field pointer of `path` in the transport's request. */
  pathPointer: string;
  headers: Record<string, string>;
  body: Buffer | undefined;
  /** Aborts when the caller has left: the function's answer would reach nobody. */
  signal?: AbortSignal;
}

/** A function's own answer, whatever its status. */
export interface InvocationResult {
  /** The request id: it stands in the function's logs too. */
  invocationId: string;
  status: number;
  contentType: string | undefined;
  contentEncoding: string | undefined;
  body: Buffer;
  /** `<function>@<revision>`. */
  servedBy: string;
  revision: number;
  /** For error answers: whether the tenant's code (`handler`) or the runtime around it (`platform`) failed. */
  errorSource: 'handler' | 'platform' | undefined;
  /** From here to the gateway and back. */
  durationMs: number;
}

/** Synchronous invocations through the API: the same gateway, limits and counters as calls to a function's own address. */
@Injectable()
export class InvocationsService {
  constructor(
    private readonly calls: FunctionCalls,
    private readonly functions: FunctionsService,
  ) {}

  /**
   * Calls the function and waits for its answer. It is never repeated here: an answer that was lost may have done its work.
   * @returns whatever the function answered; an error status is a result, too.
   * @throws {DomainError} FUNCTION_NOT_FOUND; INVOCATION_INVALID, INVOCATION_TOO_LARGE; the gateway's refusals under their
   *   own codes (RATE_LIMITED, FUNCTION_NOT_READY, FUNCTION_TIMEOUT...); GATEWAY_UNAVAILABLE.
   */
  async invoke(context: TenantContext, command: InvokeFunction): Promise<InvocationResult> {
    check(command);
    const name = await this.nameOf(context, command.function);
    return withLogContext({ tenant: context.tenantName, function: name }, async () => {
      const startedAt = performance.now();
      const answer = await this.calls.call(context, {
        function: name, principal: context.principal.key, method: command.method, path: command.path, headers: { ...command.headers, [HEADER.requestId]: context.requestId }, body: command.body,
        signal: command.signal,
      });
      if (answer.refusal) {
        if (answer.refusal.code === 'FUNCTION_NOT_FOUND') await this.explainAbsence(context, name);
        throw refusedByGateway(answer.refusal);
      }
      return toResult(context, answer, performance.now() - startedAt);
    });
  }

  /** The gateway knows names only. They are not looked up here: it answers for those that do not exist. */
  private async nameOf(context: TenantContext, reference: string): Promise<string> {
    if (UUID.test(reference)) return (await this.functions.get(context, reference)).name;
    if (!FUNCTION_NAME.test(reference)) throw functionNotFound();
    return reference;
  }

  /** A function that was just created is not on the gateway's side yet: that passes, and is not the same as none. */
  private async explainAbsence(context: TenantContext, name: string): Promise<never> {
    const known = await this.functions.get(context, name);
    throw known.state === 'deleting' ? functionNotFound() : functionNotReady(name);
  }
}

function check({ path, pathPointer, headers, body }: InvokeFunction): void {
  const problems: FieldProblem[] = headerProblems(headers);
  const message = pathProblem(path);
  if (message !== undefined) problems.unshift({ pointer: pathPointer, message });
  if (problems.length > 0) throw invocationInvalid(problems);
  if (body && body.length > MAX_PAYLOAD_BYTES) throw invocationTooLarge(body.length);
}

function toResult(context: TenantContext, answer: InvocationAnswer, durationMs: number): InvocationResult {
  const { status, headers, body, revision } = answer;
  const said = fieldText(headers[HEADER.errorSource]);
  return {
    invocationId: fieldText(headers[HEADER.requestId]) ?? context.requestId,
    status, body, durationMs: Math.round(durationMs),
    contentType: fieldText(headers['content-type']),
    contentEncoding: fieldText(headers['content-encoding']),
    servedBy: fieldText(headers[HEADER.servedBy]) ?? '',
    revision: revision ?? 0,
    errorSource: status < 400 ? undefined : said === 'platform' ? 'platform' : 'handler',
  };
}
