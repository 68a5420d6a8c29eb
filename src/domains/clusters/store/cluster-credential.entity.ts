import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A registered cluster's kubeconfig, sealed; only the system's transactions see it. */
@Entity('cluster_credential')
export class ClusterCredentialEntity {
  @PrimaryColumn('uuid') clusterId!: string;
  /** Counts the kubeconfigs the cluster has had. */
  @Column('integer') number!: number;
  @Column('text') keyId!: string;
  @Column('bytea') wrappedKey!: Buffer;
  @Column('bytea') sealed!: Buffer;
  @Column('timestamptz') createdAt!: Date;
}
