import type { Dispatcher } from 'undici';
import type { RevisionSpec } from '../../contract/function-resource.js';
import { ClusterAnswerFilter } from './cluster-answer-filter.js';
import { Upstream, type UpstreamRequest } from './upstream.js';

/** A way to a Service through the API server; `KubernetesClient.proxyRaw` gives it. */
export interface ServiceProxyTarget {
  dispatcher: Dispatcher;
  origin: string;
  pathPrefix: string;
  /** The platform's own credentials. */
  headers: Record<string, string>;
}

export interface ServiceProxyOptions {
  id: string;
  servedBy: string;
  revision: RevisionSpec;
  capacity: number;
  /** Asked for each request: credentials and connections are replaced now and then. Costs no request. */
  target: () => Promise<ServiceProxyTarget>;
}

/**
 * Fields the API server reads as claims about who calls it. Sent along with the platform's credentials, a caller's own
 * `Impersonate-User` would make him anybody on the cluster.
 */
const FORBIDDEN = /^(?:authorization|host|cookie2|impersonate-.*|x-remote-.*|audit-id|x-http-method-override|upgrade|connection|sec-websocket-.*)$/i;

/** The caller's header without what the API server would act on, and the platform's credentials last. */
export function proxyHeaders(headers: readonly string[], credentials: Readonly<Record<string, string>>): string[] {
  const list: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    if (!FORBIDDEN.test(headers[i]!)) list.push(headers[i]!, headers[i + 1]!);
  }
  for (const [name, value] of Object.entries(credentials)) list.push(name, value);
  return list;
}

/** A function's Service behind the API server's proxy: for where the pod network is out of reach. The API server chooses the pod. */
export class ServiceProxyUpstream extends Upstream {
  readonly transparent = false;

  constructor(private readonly options: ServiceProxyOptions) {
    super(options.id, options.servedBy, options.revision, options.capacity);
  }

  dispatch(request: UpstreamRequest, handler: Dispatcher.DispatchHandler): void {
    this.options.target().then(
      ({ dispatcher, origin, pathPrefix, headers }) => {
        dispatcher.dispatch({ ...request, origin, path: `${pathPrefix}${request.path}`, headers: proxyHeaders(request.headers, headers), headersTimeout: 0, bodyTimeout: 0 }, new ClusterAnswerFilter(handler));
      },
      (error: unknown) => handler.onResponseError?.(undefined as never, error instanceof Error ? error : new Error(String(error))),
    );
  }

  protected close(): void {
    // The connections are the Kubernetes client's.
  }
}
