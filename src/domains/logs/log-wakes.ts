import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { required, type Config } from '../../platform/config/config.js';
import { NotificationListener } from '../../platform/database/notification-listener.js';
import { CONFIG } from '../../platform/tokens.js';
import { LOGS_CHANNEL } from './log-channel.js';

/** Tells who follows a function that there are new entries: one connection a process, opened for the first of them. */
@Injectable()
export class LogWakes implements OnModuleDestroy {
  private readonly waiting = new Map<string, Set<() => void>>();
  private listener: NotificationListener | undefined;

  constructor(@Inject(CONFIG) private readonly config: Config) {}

  /** @returns takes it off again. */
  add(tenantId: string, functionId: string, wake: () => void): () => void {
    this.listener ??= this.listen();
    const key = `${tenantId}/${functionId}`;
    const wakes = this.waiting.get(key) ?? new Set();
    this.waiting.set(key, wakes.add(wake));
    return () => {
      wakes.delete(wake);
      if (wakes.size === 0) this.waiting.delete(key);
    };
  }

  async onModuleDestroy(): Promise<void> {
    await this.listener?.stop();
  }

  private listen(): NotificationListener {
    const listener = new NotificationListener(required(this.config, 'DATABASE_URL'), LOGS_CHANNEL, {
      heard: (key) => this.waiting.get(key)?.forEach((wake) => wake()),
      connected: () => this.waiting.forEach((wakes) => wakes.forEach((wake) => wake())),
    });
    listener.start();
    return listener;
  }
}
