import { objectOf, oneOf, text, type Schema } from './crd-schema.js';
import {
  HTTP_METHODS, LONGEST_HOST, LONGEST_TRIGGER_PATH, MOST_HTTP_TRIGGERS, PATH_MATCHES, TRIGGER_AUTHENTICATIONS, type HttpTriggerSpec, type TriggersSpec,
} from './triggers.js';

/** RE2 has no look-ahead: what this lets through and the contract does not is refused by the control plane. */
const NAME = '^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$';
const HOST = '^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\\.)+[a-z]([-a-z0-9]{0,61}[a-z0-9])?$';
const PATH = '^/([-A-Za-z0-9._~!$&\'()*+,;=:@]+/?)*$';

export function triggersSchema(): Schema {
  const trigger = objectOf<HttpTriggerSpec>({
    name: text(NAME, 40, 'Unique in its tenant.'),
    host: text(HOST, LONGEST_HOST, 'One name, without a port.'),
    path: objectOf<HttpTriggerSpec['path']>({
      type: oneOf(PATH_MATCHES, 'exact: this path alone; prefix: it and all below it, by whole segments.'),
      value: text(PATH, LONGEST_TRIGGER_PATH, 'The path.'),
    }, ['type', 'value']),
    methods: { type: 'array', minItems: 1, maxItems: HTTP_METHODS.length, 'x-kubernetes-list-type': 'set', items: oneOf(HTTP_METHODS, 'A method.'), description: 'Absent: all.' },
    rewrite: objectOf<NonNullable<HttpTriggerSpec['rewrite']>>({ prefix: text(PATH, LONGEST_TRIGGER_PATH, 'What takes the place of the path that matched.') }, ['prefix']),
    authentication: oneOf(TRIGGER_AUTHENTICATIONS, 'public: anyone may call; required: the gateway asks for a credential.'),
    through: oneOf(['gateway'], 'The way over the gateway is the only one for now.'),
  }, ['name', 'host', 'path', 'authentication']);
  return objectOf<TriggersSpec>({
    http: {
      type: 'array', maxItems: MOST_HTTP_TRIGGERS, items: trigger, description: 'Hosts and paths it answers at.', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'],
    },
  }, []);
}
