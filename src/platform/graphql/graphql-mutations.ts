import { Injectable } from '@nestjs/common';
import type { Context } from '../context/context.js';
import { MutationRunner } from '../mutations/mutation-runner.js';
import { checkIfMatchForm } from '../rest/etag.js';
import { mutationPayload, type MutationInput, type UserError } from './mutation.js';

/** How resolvers run a mutation: validateOnly, idempotency and user errors in one call. */
@Injectable()
export class GraphqlMutations {
  constructor(private readonly runner: MutationRunner) {}

  /** @param operation the mutation's name; with the input it is the fingerprint of an idempotency key. */
  run<T extends object>(context: Context, operation: string, input: MutationInput, work: () => Promise<T>): Promise<T & { userErrors: UserError[] }> {
    return mutationPayload(async () => {
      const { idempotencyKey, validateOnly, ...rest } = input;
      checkIfMatchForm((rest as { ifMatch?: string | null }).ifMatch);
      const keyed = idempotencyKey !== undefined && idempotencyKey !== null;
      const answer = await this.runner.run(context, { idempotencyKey: idempotencyKey ?? undefined, validateOnly: validateOnly ?? false, fingerprint: [operation, rest] },
        async () => ({ body: keyed ? withMarkedDates(await work()) : await work() }));
      return (keyed ? withDates(answer.body) : answer.body) as T;
    });
  }
}

/** Nothing that comes from outside can be called so. */
const DATE = '\u0000date';

/** A kept answer goes through JSON, which makes texts of dates: marked, they cannot be mistaken for texts that look like them. */
function withMarkedDates(value: unknown): unknown {
  if (value instanceof Date) return { [DATE]: value.toISOString() };
  if (Array.isArray(value)) return value.map(withMarkedDates);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withMarkedDates(item)]));
}

function withDates(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withDates);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  if (entries.length === 1 && entries[0]![0] === DATE) return new Date(entries[0]![1] as string);
  return Object.fromEntries(entries.map(([key, item]) => [key, withDates(item)]));
}
