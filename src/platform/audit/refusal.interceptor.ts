import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { catchError, concatMap, from, map, throwError, type Observable } from 'rxjs';
import { refusalOf } from '../graphql/mutation.js';
import { AUDITED } from './audited.js';
import { RefusalRecorder } from './refusal-recorder.js';

/** Records what is refused behind the guard (which records its own refusals): around all other interceptors, for both transports. */
@Injectable()
export class RefusalInterceptor implements NestInterceptor {
  constructor(
    private readonly recorder: RefusalRecorder,
    private readonly reflector: Reflector,
  ) {}

  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (!this.reflector.get<string | null | undefined>(AUDITED, execution.getHandler())) return next.handle();
    return next.handle().pipe(
      // A mutation's refusal is an answer: its payload says so.
      concatMap((answer: unknown) => {
        const refusal = refusalOf(answer);
        return refusal ? from(this.recorder.record(execution, refusal)).pipe(map(() => answer)) : [answer];
      }),
      catchError((error: unknown) => from(this.recorder.record(execution, error)).pipe(concatMap(() => throwError(() => error)))),
    );
  }
}
