import { Inject, Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { getNamedType, isInputObjectType, type GraphQLResolveInfo } from 'graphql';
import type { Observable } from 'rxjs';
import type { Config } from '../config/config.js';
import { CONFIG } from '../tokens.js';
import { demandingIfMatch } from './etag.js';

const CHANGING = new Set(['PATCH', 'PUT', 'DELETE']);
const GRAPHQL_INFO = 3;

/**
 * FNPLANE_IF_MATCH=required: changes of what exists must name its version, in both transports. Whether it exists is known where
 * the row is read, so the demand travels with the request to `checkEtag`.
 */
@Injectable()
export class IfMatchInterceptor implements NestInterceptor {
  private readonly required: boolean;

  constructor(@Inject(CONFIG) config: Config) {
    this.required = config.FNPLANE_IF_MATCH === 'required';
  }

  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    return this.required && takesIfMatch(execution) ? demandingIfMatch(() => next.handle()) : next.handle();
  }
}

function takesIfMatch(execution: ExecutionContext): boolean {
  if (execution.getType<'http' | 'graphql'>() !== 'graphql') return CHANGING.has(execution.switchToHttp().getRequest<FastifyRequest>().method);
  const info = execution.getArgByIndex<GraphQLResolveInfo>(GRAPHQL_INFO);
  const input = info.parentType.getFields()[info.fieldName]?.args.find((argument) => argument.name === 'input');
  const type = input && getNamedType(input.type);
  return isInputObjectType(type) && 'ifMatch' in type.getFields();
}
