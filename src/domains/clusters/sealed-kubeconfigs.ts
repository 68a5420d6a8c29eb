import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { SystemContext } from '../../platform/context/context.js';
import { Envelope } from '../../platform/crypto/envelope.js';
import type { WrappedKey } from '../../platform/crypto/key-provider.js';
import { SealedHolders, type RewrapResult, type SealedHolder } from '../configuration/sealed-holders.js';
import { credentialBinding } from './credential-binding.policy.js';
import type { ClusterCredentialEntity } from './store/cluster-credential.entity.js';
import { ClusterCredentialsRepository } from './store/cluster-credentials.repository.js';

/** Lets a rotation of encryption keys reach the kubeconfigs of registered clusters. */
@Injectable()
export class SealedKubeconfigs implements SealedHolder, OnModuleInit {
  constructor(
    private readonly holders: SealedHolders,
    private readonly credentials: ClusterCredentialsRepository,
    private readonly envelope: Envelope,
  ) {}

  onModuleInit(): void {
    this.holders.register(this);
  }

  keysInUse(context: SystemContext): Promise<string[]> {
    return this.credentials.findKeysInUse(context);
  }

  async sample(context: SystemContext, keyId: string): Promise<WrappedKey | undefined> {
    const [row] = await this.credentials.findSealedWith(context, keyId, 1);
    return row && toWrappedKey(row);
  }

  async rewrap(context: SystemContext, from: string, to: string, signal?: AbortSignal): Promise<RewrapResult> {
    const rows = await this.credentials.findSealedWith(context, from);
    if (!this.envelope.canOpen(from)) return { rewrapped: 0, unreadable: rows.length };
    const wrapped = await this.envelope.rewrap(from, to, rows.map(toWrappedKey), signal);
    let rewrapped = 0;
    for (const [index, row] of rows.entries()) {
      const wrappedKey = wrapped[index];
      if (wrappedKey && (await this.credentials.rewrap(context, row, to, wrappedKey))) rewrapped += 1;
    }
    return { rewrapped, unreadable: wrapped.filter((key) => key === undefined).length };
  }
}

function toWrappedKey({ clusterId, number, wrappedKey }: ClusterCredentialEntity): WrappedKey {
  return { wrappedKey, boundTo: credentialBinding(clusterId, number) };
}
