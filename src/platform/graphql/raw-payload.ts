import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { GqlExecutionContext } from '@nestjs/graphql';

/**
 * `input.payload` as JSON text, as the client sent it; undefined when absent. It must stand before `@Args` in a handler's
 * parameters: the validation of the input removes names like `constructor` from everything it sees.
 */
export const RawPayload = createParamDecorator((_: unknown, context: ExecutionContext): Buffer | undefined => {
  const { payload } = GqlExecutionContext.create(context).getArgs<{ input: { payload?: unknown } }>().input;
  return payload === undefined ? undefined : Buffer.from(JSON.stringify(payload));
});
