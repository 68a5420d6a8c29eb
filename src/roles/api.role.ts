import type { Config } from '../platform/config/config.js';
import { GraphqlSockets } from '../platform/graphql/graphql-sockets.js';
import type { ControlPlane } from './control-plane.js';

/** REST under `/v1`, GraphQL at `/graphql`, the OpenAPI document at `/v1/openapi.json`. */
export class ApiRole {
  private address: string | undefined;

  constructor(
    private readonly config: Config,
    private readonly plane: ControlPlane,
  ) {}

  async start(): Promise<void> {
    const { host, port } = this.config.FNPLANE_API_LISTEN;
    await this.plane.http!.listen(port, host);
    this.address = await this.plane.http!.getUrl();
  }

  get url(): string | undefined {
    return this.address;
  }

  /** Stops accepting and waits for running requests; the control plane itself is closed by the process. */
  async stop(): Promise<void> {
    if (!this.address) return;
    this.address = undefined;
    // The server waits for them, and does not end them.
    await this.plane.http!.get(GraphqlSockets, { strict: false }).close();
    await this.plane.http!.getHttpAdapter().close();
  }
}
