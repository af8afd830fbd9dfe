import Type from 'typebox';

/** Unknown fields are refused: by the API under strict validation, which kubectl asks for, and here always. */
export const exact = { additionalProperties: false };

/** A section that is there, with the defaults of its fields, where its author leaves it out. */
export const section = { ...exact, default: {} };

/** A rule in the Common Expression Language; the API refuses an object that breaks it, with this message. */
export interface Rule {
  rule: string;
  /** Names the field and says what to do. */
  message: string;
  /** JSON path of the field at fault, relative to the schema that bears the rule. */
  fieldPath?: string;
}

/** Options of a schema that only the Kubernetes API reads. */
export function rules(...list: Rule[]) {
  return { 'x-kubernetes-validations': list };
}

/** For a map whose keys become those of labels or annotations: the API would refuse others once some objects are made already. */
export function qualifiedKeys(message: string): Rule {
  const pattern = PATTERNS.labelKey.replaceAll('\\', '\\\\');
  return { rule: `self.all(key, key.size() <= 317 && key.indexOf('/') <= 253 && key.matches('${pattern}'))`, message };
}

/** A list without order or repetition. */
export const set = { 'x-kubernetes-list-type': 'set' };

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const HOST = `${LABEL}(\\.${LABEL})*`;
const PORT = '([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])';
const PATH_OF_IMAGE = `(${HOST}(:${PORT})?/)?[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*`;

/** The shapes of strings, as regular expressions that RE2 and JavaScript understand alike; `$` is the end, not a line's. */
export const PATTERNS = {
  label: `^${LABEL}$`,
  host: `^${HOST}$`,
  /** Scheme, host and port, as browsers name an origin: no path, no trailing slash. */
  origin: `^https?://${HOST}(:${PORT})?$`,
  url: `^https?://${HOST}(:${PORT})?(/[A-Za-z0-9._~/-]*)?$`,
  broker: `^${HOST}:${PORT}$`,
  email: `^[A-Za-z0-9.!#$%&'*+/=?^_\`{|}~-]+@${HOST}$`,
  /** One line, for a mail's header. */
  line: '^[^\\x00-\\x1f\\x7f]+$',
  /** One line, or nothing. */
  text: '^[^\\x00-\\x1f\\x7f]*$',
  bytes: '^[1-9][0-9]{0,5}(Mi|Gi|Ti)$',
  cpu: '^([1-9][0-9]{0,5}m|[1-9][0-9]{0,2})$',
  address: '^[0-9a-fA-F.:]+(/[0-9]{1,3})?$',
  repository: `^${PATH_OF_IMAGE}$`,
  image: `^${PATH_OF_IMAGE}(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$`,
  tag: '^[0-9A-Za-z_][0-9A-Za-z_.-]*$',
  secretKey: '^\\.?[-_a-zA-Z0-9][-._a-zA-Z0-9]*$',
  database: '^[a-z_][a-z0-9_]*$',
  labelKey: `^(${HOST}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`,
  labelValue: '^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$',
};

export const LABEL_LIMITS = { pattern: PATTERNS.label, minLength: 1, maxLength: 63 };

/** The name of an object, as a DNS label (RFC 1123). */
export function Name(description: string) {
  return Type.String({ ...LABEL_LIMITS, description });
}

/** A host name or IPv4 address, without a port. */
export function Host(description: string, options: object = {}) {
  return Type.String({ pattern: PATTERNS.host, minLength: 1, maxLength: 253, description, ...options });
}

/** A quantity of bytes in whole powers of 1,024, the only way in which it can be written: two that differ are not equal. */
export function Bytes(description: string, options: object = {}) {
  return Type.String({ pattern: PATTERNS.bytes, maxLength: 9, description, ...options });
}

export function Url(description: string) {
  return Type.String({ pattern: PATTERNS.url, maxLength: 512, description });
}

export function ImageReference(description: string) {
  return Type.String({ pattern: PATTERNS.image, minLength: 1, maxLength: 255, description });
}

/** A Secret of the ChatCluster's own namespace; it is mounted, never read. */
export function SecretName(description: string, options: object = {}) {
  return Type.Object({ name: Name('Name of the Secret, in the same namespace.') }, { ...exact, description, ...options });
}

export function SecretKey(description: string) {
  const key = Type.String({ pattern: PATTERNS.secretKey, minLength: 1, maxLength: 253, description: 'The key in the Secret.' });
  return Type.Object({ name: Name('Name of the Secret, in the same namespace.'), key }, { ...exact, description });
}

/** Addresses (192.0.2.1) and networks (192.0.2.0/24); `field` is how messages call the list. */
export function Addresses(
  field: string,
  description: string,
  { maxItems, more = [], ...options }: { maxItems: number; more?: Rule[]; default?: string[] },
) {
  const known = {
    rule: 'isIP(self) || isCIDR(self)',
    message: `${field} may hold only addresses such as 192.0.2.1 and networks such as 192.0.2.0/24: correct this one`,
  };
  const address = Type.String({ pattern: PATTERNS.address, minLength: 2, maxLength: 43, ...rules(known, ...more) });
  return Type.Array(address, { maxItems, description, ...set, ...options });
}

function Amounts(description: string) {
  const cpu = Type.Optional(Type.String({ pattern: PATTERNS.cpu, maxLength: 7, description: 'Cores: 2, or 500m for half of one.' }));
  return Type.Optional(Type.Object({ cpu, memory: Type.Optional(Bytes('Bytes: 512Mi, 2Gi.')) }, { ...exact, description }));
}

/** Requests and limits of each pod; what is left out is the operator's default. */
export function Resources(description: string) {
  const within = (resource: 'cpu' | 'memory'): Rule => ({
    rule:
      `!has(self.requests) || !has(self.limits) || !has(self.requests.${resource}) || !has(self.limits.${resource}) || ` +
      `quantity(self.requests.${resource}).compareTo(quantity(self.limits.${resource})) <= 0`,
    message: `resources.requests.${resource} must not be more than resources.limits.${resource}: lower the one or raise the other`,
  });
  const options = { ...exact, description, ...rules(within('cpu'), within('memory')) };
  return Type.Optional(Type.Object({ requests: Amounts('What is set aside.'), limits: Amounts('What may be used.') }, options));
}
