import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum';
import type { FastifyRequest } from 'fastify';
import type { Observable } from 'rxjs';
import { DomainError } from '../errors/domain-error.js';
import { isPreviewed, READING } from './mutation-options.js';

/** Where Nest's Swagger keeps the names of a class's documented properties; it exports no accessor. */
const MODEL_PROPERTIES = 'swagger/apiModelPropertiesArray';

/** Refuses query parameters that a route does not have, as unknown fields of bodies are: a misspelt filter must not answer everything. */
@Injectable()
export class QueryNamesInterceptor implements NestInterceptor {
  private readonly names = new WeakMap<object, ReadonlySet<string>>();

  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (execution.getType() !== 'http') return next.handle();
    const request = execution.switchToHttp().getRequest<FastifyRequest>();
    const given = Object.keys(request.query as object);
    if (given.length === 0) return next.handle();
    if (!isDecodable(request.url)) throw new DomainError('malformed', 'QUERY_MALFORMED', 'The query of the address is not UTF-8 text in percent encoding.');
    const known = this.namesOf(execution, request.method);
    const unknown = given.filter((name) => !known.has(name)).map((name) => ({ pointer: `?${name.slice(0, 100).toWellFormed()}`, message: 'is not a parameter of this request' }));
    if (unknown.length > 0) throw new DomainError('invalid', 'VALIDATION_FAILED', `${unknown[0]!.pointer}: ${unknown[0]!.message}.`, { fields: unknown.slice(0, 100) });
    return next.handle();
  }

  private namesOf(execution: ExecutionContext, method: string): ReadonlySet<string> {
    const handler = execution.getHandler();
    const known = this.names.get(handler);
    if (known) return known;
    const names = queryNames(execution.getClass(), handler.name);
    if (!READING.has(method) && isPreviewed(handler)) names.add('validateOnly');
    this.names.set(handler, names);
    return names;
  }
}

/** The parser leaves what it cannot decode as it is, and would compare names with percent signs. */
function isDecodable(url: string): boolean {
  try {
    decodeURIComponent(url.slice(url.indexOf('?')));
    return true;
  } catch {
    return false;
  }
}

/** Of single `@Query('name')` parameters, and of the documented properties of `@Query()` classes. */
function queryNames(controller: { prototype: object }, method: string): Set<string> {
  const args = (Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, method) ?? {}) as Record<string, { index: number; data?: unknown }>;
  const types = (Reflect.getMetadata('design:paramtypes', controller.prototype, method) ?? []) as { prototype?: object }[];
  const names = Object.entries(args).filter(([key]) => key.startsWith(`${RouteParamtypes.QUERY}:`)).flatMap(([, { index, data }]) => {
    if (typeof data === 'string') return [data];
    const properties = (types[index]?.prototype && (Reflect.getMetadata(MODEL_PROPERTIES, types[index].prototype) as string[] | undefined)) ?? [];
    return properties.map((property) => property.replace(/^:/, ''));
  });
  return new Set(names);
}
