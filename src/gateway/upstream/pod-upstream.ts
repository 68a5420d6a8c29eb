import { Pool, type Dispatcher } from 'undici';
import type { RevisionSpec } from '../../contract/function-resource.js';
import { Upstream, type UpstreamRequest } from './upstream.js';

export interface PodUpstreamOptions {
  id: string;
  servedBy: string;
  revision: RevisionSpec;
  address: string;
  port: number;
  /** Connections to this pod and requests it may hold at once. */
  connections: number;
  connectTimeoutMs: number;
}

/** Below the 5 s after which Node's and other servers close an idle connection: a request must not meet that moment. */
const IDLE_CONNECTION_MS = 4000;

/** A pod, reached at its own address over kept-alive connections. */
export class PodUpstream extends Upstream {
  readonly transparent = true;
  private pool: Pool | undefined;

  constructor(private readonly options: PodUpstreamOptions) {
    super(options.id, options.servedBy, options.revision, options.connections);
  }

  dispatch(request: UpstreamRequest, handler: Dispatcher.DispatchHandler): void {
    this.pool ??= this.openPool();
    this.pool.dispatch(request, handler);
  }

  protected close(): void {
    const pool = this.pool;
    this.pool = undefined;
    // Called while undici still finishes its last answer: `close` waits for that, `destroy` would cut into it.
    pool?.close().catch(() => undefined);
  }

  private openPool(): Pool {
    const { address, port, connections, connectTimeoutMs } = this.options;
    const host = address.includes(':') ? `[${address}]` : address;
    return new Pool(`http://${host}:${port}`, {
      connections,
      pipelining: 1,
      keepAliveTimeout: IDLE_CONNECTION_MS,
      keepAliveMaxTimeout: 60_000,
      // The gateway's own deadlines cover both, with one timer for all requests.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { timeout: connectTimeoutMs },
    });
  }
}
