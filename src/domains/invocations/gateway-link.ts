import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { required, type Config, type Role } from '../../platform/config/config.js';
import { GatewayClient, type Invocation, type InvocationAnswer } from '../../platform/invocation/gateway-client.js';
import { CONFIG } from '../../platform/tokens.js';

/** Gateways of as many clusters as a platform may have; more than these would be a mistake. */
const MOST_GATEWAYS = 1_000;

/** Roles that call functions. */
const CALLING: readonly Role[] = ['api', 'worker'];

/** The process's clients of the gateways; of the roles that build the domains, `meter` alone has no shared secret and needs none. */
@Injectable()
export class GatewayLink implements OnModuleInit, OnApplicationShutdown {
  private readonly clients = new Map<string, GatewayClient>();

  constructor(@Inject(CONFIG) private readonly config: Config) {}

  onModuleInit(): void {
    if (CALLING.some((role) => this.config.FNPLANE_ROLES.includes(role))) this.connect(this.config.FNPLANE_GATEWAY_URL);
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([...this.clients.values()].map((client) => client.close()));
  }

  /** See {@link GatewayClient.invoke}. @param url of the gateway; null for the one in the configuration. */
  invoke(invocation: Invocation, url: string | null): Promise<InvocationAnswer> {
    return this.connect(url ?? this.config.FNPLANE_GATEWAY_URL).invoke(invocation);
  }

  private connect(url: string): GatewayClient {
    let client = this.clients.get(url);
    if (!client) {
      if (this.clients.size >= MOST_GATEWAYS) this.forgetOldest();
      client = new GatewayClient({ url, secret: required(this.config, 'FNPLANE_INTERNAL_SECRET') });
      this.clients.set(url, client);
    }
    return client;
  }

  /** Its invocations under way come to their end. */
  private forgetOldest(): void {
    const [url, client] = this.clients.entries().next().value!;
    this.clients.delete(url);
    void client.close().catch(() => undefined);
  }
}
