import Type, { type Static } from 'typebox';

const Time = (description: string) => Type.String({ format: 'date-time', maxLength: 64, description });
const Text = (description: string, maxLength: number) => Type.String({ maxLength, description });
const Count = (description: string) => Type.Integer({ minimum: 0, description });
const some = Type.Optional;

/** What changes the installation as a whole: one at a time. */
const Operation = Type.Object(
  {
    type: Type.Enum(['upgrade', 'backup', 'restore', 'rotate'], { description: 'What is being done.' }),
    since: Time('When it began.'),
  },
  { description: 'What is being done to the installation as a whole; nothing else begins meanwhile.' },
);

const Migration = Type.Object({
  job: Text('Name of the Job that brought the database and the topics to what a version expects.', 63),
  version: Text('Of Starling.', 64),
  volumes: some(Text('Which volumes it worked on, as a hash.', 128)),
  completedAt: some(Time('When it was done.')),
});

const Schema = Type.Object({
  service: Text('Whose schema.', 63),
  migration: Text('Name of the last migration that was applied.', 253),
});

const Delivery = Type.Object(
  {
    ready: some(Count('Pods that take connections.')),
    desired: some(Count('Pods that there should be.')),
    connections: some(Count('Connections of all pods, written at most once a minute.')),
    selector: some(Text('Labels of the pods, for the scale subresource.', 1024)),
  },
  { description: 'The live path.' },
);

const Condition = Type.Object({
  type: Type.String({ minLength: 1, maxLength: 316, description: 'What it is about.' }),
  status: Type.Enum(['True', 'False', 'Unknown'], { description: 'True is good.' }),
  reason: Type.String({ minLength: 1, maxLength: 1024, pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$', description: 'One word.' }),
  message: Text('What is the case, where, and what to do.', 32_768),
  observedGeneration: some(Count('The generation of the spec that it is about.')),
  lastTransitionTime: Time('When the status changed last.'),
});

/** Where the installation stands. Everything may be missing: the operator tells what it knows. */
export const ChatClusterStatus = Type.Object(
  {
    observedGeneration: some(Count('The generation of the spec that the operator has worked on last.')),
    version: some(Text('Of Starling, that runs.', 64)),
    targetVersion: some(Text('Of Starling, that should run.', 64)),
    rulesLevel: some(Count('The level of rules in force on the log: no version that knows less may read it.')),
    log: some(Type.Object({ epoch: some(Count('Counts how often the log began anew.')) }, { description: 'The log.' })),
    migrations: some(
      Type.Array(Migration, {
        maxItems: 16,
        description: 'The Jobs that are done.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['job'],
      }),
    ),
    schemas: some(
      Type.Array(Schema, {
        maxItems: 64,
        description: 'How far the database has been brought.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['service'],
      }),
    ),
    delivery: some(Delivery),
    data: some(
      Type.Object(
        { highlyAvailable: some(Type.Boolean({ description: 'Database and log survive the loss of one node; absent: not known.' })) },
        { description: 'Where the data is.' },
      ),
    ),
    certificates: some(
      Type.Object(
        {
          notAfter: some(Time('When the first of the certificates between the pods ends.')),
          authorityNotAfter: some(Time('When their authority ends.')),
        },
        { description: 'Certificates between the pods.' },
      ),
    ),
    keys: some(Type.Object({ rotatesAt: some(Time('When the next signing keys are published.')) }, { description: 'Signing keys.' })),
    operation: some(Operation),
    conditions: some(
      Type.Array(Condition, {
        maxItems: 32,
        description: 'What is good and what is not, one each.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['type'],
      }),
    ),
  },
  { description: 'Where the installation stands. Written by the operator alone.' },
);

export type ChatClusterStatus = Static<typeof ChatClusterStatus>;
