/** As far as it is looked at here: a bill of materials in CycloneDX 1.5, as npm writes it. */
export interface Bill {
  metadata: { component: Component };
  components: Component[];
  dependencies: { ref: string; dependsOn?: string[] }[];
}

interface Component {
  'bom-ref': string;
  name: string;
  purl?: string;
  externalReferences?: { type: string; url: string }[];
}

/** Workspaces that no image and no installation holds. */
const NOT_SHIPPED = new Set(['@starling/bench', '@starling/testing', '@starling/tests']);

/**
 * The bill without what is only for development: the workspaces of tests and benchmarks, and what nothing else needs. It
 * names neither the folder in which it was made nor the registry that the packages came from.
 *
 * @param needs by `name@version`: the names of what is installed for a package. npm's own list has what it could also use,
 * and npm's option to omit development also omits what both need.
 */
export function keepShipped(bill: Bill, needs: ReadonlyMap<string, readonly string[]>): Bill {
  const root = bill.metadata.component;
  const all = bill.dependencies.map(({ ref, dependsOn = [] }) => {
    const own = needs.get(ref);
    return { ref, dependsOn: own ? dependsOn.filter((needed) => own.includes(nameIn(needed))) : dependsOn };
  });
  const edges = new Map(all.map(({ ref, dependsOn }) => [ref, dependsOn]));
  const ours = bill.components.filter(({ purl }) => purl?.startsWith('pkg:npm/%40starling/'));
  const shipped = ours.map((component) => component['bom-ref']).filter((ref) => !NOT_SHIPPED.has(nameIn(ref)));
  const kept = new Set<string>();
  const waiting = [...shipped];
  for (let ref = waiting.pop(); ref !== undefined; ref = waiting.pop()) {
    if (kept.has(ref)) continue;
    kept.add(ref);
    waiting.push(...(edges.get(ref) ?? []));
  }
  const components = bill.components
    .filter((component) => kept.has(component['bom-ref']))
    .map((component) => ({ ...component, name: nameIn(component['bom-ref']), externalReferences: withoutSources(component) }));
  return {
    ...bill,
    metadata: { ...bill.metadata, component: { ...root, name: nameIn(root['bom-ref']) } },
    components,
    dependencies: [{ ref: root['bom-ref'], dependsOn: shipped }, ...all.filter(({ ref }) => kept.has(ref))],
  };
}

/** Of `@starling/web@0.1.0`, `@starling/web`. npm calls workspaces by their folders. */
function nameIn(ref: string): string {
  return ref.slice(0, ref.lastIndexOf('@'));
}

function withoutSources({ externalReferences = [] }: Component): { type: string; url: string }[] {
  return externalReferences.filter(({ type }) => type !== 'distribution');
}
