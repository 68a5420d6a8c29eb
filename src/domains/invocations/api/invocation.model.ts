import { InputType, ObjectType } from '@nestjs/graphql';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, MaxLength } from 'class-validator';
import { EnumField, IntField, JsonField, MapField, TextField } from '../../../platform/graphql/fields.js';
import { MutationPayload } from '../../../platform/graphql/mutation.js';
import { INVOCATION_METHODS, MAX_PATH, type InvocationMethod } from '../invocation-request.policy.js';

const PATH = 'Path and query the function sees; `/` when absent.';

/** How a REST caller says what the function shall see; its own path and method are the API's. */
export class InvocationQuery {
  @ApiPropertyOptional({ maxLength: MAX_PATH, default: '/', description: PATH })
  @IsOptional() @IsString() @MaxLength(MAX_PATH)
  path: string = '/';

  @ApiPropertyOptional({ enum: [...INVOCATION_METHODS], default: 'POST', description: 'Method the function sees.' })
  @IsOptional() @IsIn([...INVOCATION_METHODS])
  method: InvocationMethod = 'POST';
}

/** Not a `MutationInput`: what an invocation does is the function's, so a key against repeats is passed on to it. */
@InputType()
export class InvokeFunctionInput {
  @TextField({ max: 64, description: 'Name or UUID of the tenant.' }) tenant!: string;
  @TextField({ max: 64, description: 'Name or UUID of the function.' }) function!: string;
  @JsonField({ optional: true, description: 'Body, as JSON; none when absent.' }) payload?: unknown;
  @TextField({ optional: true, max: MAX_PATH, description: PATH }) path?: string;
  @EnumField('InvocationMethod', INVOCATION_METHODS, { optional: true, description: 'Method the function sees; POST when absent.' }) method?: InvocationMethod;
  @MapField({ optional: true, keyPattern: /^[^]*$/, maxEntries: 1000, maxValue: 8192, description: 'Header fields for the function; a JSON content type when there is none.' }) headers?: Record<string, string>;
  @TextField({ optional: true, max: 255, pattern: /^[\x21-\x7e]+$/, description: 'Passed on as Idempotency-Key.' }) idempotencyKey?: string;
}

/** What the function answered. All fields are null when the platform could not reach it: `userErrors` then says why. */
@ObjectType()
export class InvokeFunctionPayload extends MutationPayload {
  @TextField({ optional: true, description: 'The request id; it stands in the function\'s logs too.' }) invocationId?: string;
  @IntField({ optional: true, description: 'HTTP status of the function\'s answer.' }) status?: number;
  @TextField({ optional: true }) contentType?: string;
  @IntField({ optional: true, description: 'Revision that answered.' }) revision?: number;
  @EnumField('InvocationErrorSource', ['handler', 'platform'], { optional: true, description: 'Of error answers: whether the function\'s code failed or the runtime around it.' }) errorSource?: 'handler' | 'platform';
  @JsonField({ optional: true, description: 'The body, where it is JSON.' }) payload?: unknown;
  @TextField({ optional: true, description: 'The body as base64, where it is not JSON.' }) body?: string;
  @IntField({ optional: true, description: 'Milliseconds from the API to the function and back.' }) durationMs?: number;
}
