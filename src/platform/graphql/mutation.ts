import { Field, InputType, ObjectType } from '@nestjs/graphql';
import { DomainError, type ErrorKind } from '../errors/domain-error.js';
import { BoolField, TextField } from './fields.js';

/** Something the caller can put right: in the payload, beside what the mutation would have returned. */
@ObjectType()
export class UserError {
  @Field(() => [String], { nullable: true, description: 'Path of the input field, e.g. ["input", "scaling", "min"].' }) field!: string[] | null;
  @Field(() => String) message!: string;
  @Field(() => String, { description: 'Stable code, the same as in REST problems.' }) code!: string;
}

@ObjectType({ isAbstract: true })
export abstract class MutationPayload {
  @Field(() => [UserError]) userErrors!: UserError[];
}

/** What every mutation's input has. */
@InputType({ isAbstract: true })
export abstract class MutationInput {
  @TextField({ optional: true, max: 255, description: 'The same key with the same input gives the same answer again, and does nothing twice.' })
  idempotencyKey?: string;

  @BoolField({ optional: true, description: 'Check everything, change nothing.' })
  validateOnly?: boolean;
}

/** Which errors belong to the caller's input (payload) and which to the request as a whole (GraphQL errors). */
const IN_PAYLOAD: Record<ErrorKind, boolean> = {
  invalid: true, conflict: true, 'precondition-failed': true, 'precondition-required': true, 'quota-exceeded': true, 'not-found': true, 'too-large': true,
  malformed: false, 'method-not-allowed': false, unauthenticated: false, forbidden: false, 'unsupported-media': false, 'rate-limited': false, unavailable: false, timeout: false, upstream: false, internal: false,
};

const refusals = new WeakMap<object, DomainError>();

/** The error behind a payload whose mutation was refused. */
export function refusalOf(payload: unknown): DomainError | undefined {
  return typeof payload === 'object' && payload !== null ? refusals.get(payload) : undefined;
}

/** Runs a mutation's work; what the caller can put right becomes `userErrors`. */
export async function mutationPayload<T extends object>(work: () => Promise<T>): Promise<T & { userErrors: UserError[] }> {
  try {
    return { ...(await work()), userErrors: [] };
  } catch (error) {
    if (!(error instanceof DomainError) || !IN_PAYLOAD[error.kind]) throw error;
    const payload = { userErrors: toUserErrors(error) } as unknown as T & { userErrors: UserError[] };
    refusals.set(payload, error);
    return payload;
  }
}

function toUserErrors(error: DomainError): UserError[] {
  if (error.fields.length === 0) return [{ field: null, message: error.message, code: error.code }];
  return error.fields.map((field) => ({ field: ['input', ...field.pointer.split('/').filter(Boolean)], message: `${field.message}`, code: error.code }));
}
