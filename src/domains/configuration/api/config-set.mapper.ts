import { etagOf } from '../../../platform/rest/etag.js';
import type { ConfigSetEntity } from '../store/config-set.entity.js';
import { ConfigSetModel, type ConfigSetPayload } from './config-set.model.js';

export function toConfigSetModel(row: ConfigSetEntity): ConfigSetModel {
  return Object.assign(new ConfigSetModel(), row, { etag: etagOf(row) });
}

export function toConfigSetPayload(row: ConfigSetEntity): Omit<ConfigSetPayload, 'userErrors'> {
  return { configSet: toConfigSetModel(row) };
}
