import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity('placement_settings')
export class PlacementSettingsEntity {
  @PrimaryColumn('uuid') tenantId!: string;
  @Column('text', { array: true }) regions!: string[];
  @Column('jsonb') clusterLabels!: Record<string, string>;
  @Column('integer') clusters!: number;
  @Column('integer') version!: number;
  @Column('timestamptz') updatedAt!: Date;
}
