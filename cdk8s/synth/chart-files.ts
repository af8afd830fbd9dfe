import Type from 'typebox';
import { Document, isMap, isScalar, stringify, type YAMLMap } from 'yaml';
import { renderChartTemplates } from './chart-templates.ts';
import { chartValues } from './chart-values.ts';

/** By path in the chart's folder. README.md, NOTES.txt and what templates share are written by hand. */
export function renderChartFiles(version: string): Record<string, string> {
  const values = chartValues(version);
  return {
    'Chart.yaml': `${GENERATED}${renderChart(version)}`,
    'values.yaml': `${GENERATED}\n${renderValues(values)}`,
    'values.schema.json': `${JSON.stringify({ $schema: 'http://json-schema.org/draft-07/schema#', ...values }, null, 2)}\n`,
    ...Object.fromEntries(
      Object.entries(renderChartTemplates()).map(([name, text]) => [`templates/${name}`, `{{- /* ${MADE_BY} */ -}}\n${text}`]),
    ),
  };
}

const MADE_BY = 'Made by `npm run synth`: change cdk8s/ instead.';

export const GENERATED = `# ${MADE_BY}\n`;

function renderChart(version: string): string {
  return stringify(
    {
      apiVersion: 'v2',
      name: 'starling-operator',
      description: 'The operator of Starling, a self-hosted chat platform: installs and looks after ChatClusters.',
      type: 'application',
      version,
      appVersion: version,
      kubeVersion: '>=1.30.0-0',
      home: 'https://github.com/starling-chat/starling',
      annotations: { licenses: 'Apache-2.0' },
    },
    { lineWidth: 0 },
  );
}

/** The defaults, with the descriptions as comments above. */
function renderValues(schema: Type.TObject): string {
  const document = new Document(defaultsOf(schema));
  comment(document.contents as YAMLMap, schema);
  return document.toString({ lineWidth: 0 });
}

/** In the order of the schema. */
function defaultsOf(schema: Type.TObject): Record<string, unknown> {
  const values = Object.entries(schema.properties).map(([name, property]) => {
    if ('default' in property) return [name, property.default];
    if (!Type.IsObject(property)) throw new Error(`the chart's value ${name} has no default: give it one`);
    return [name, defaultsOf(property)];
  });
  return Object.fromEntries(values);
}

function comment(map: YAMLMap, schema: Type.TObject): void {
  for (const { key, value } of map.items) {
    const name = isScalar(key) ? String(key.value) : '';
    const property = schema.properties[name] as (Type.TSchema & { description?: string }) | undefined;
    if (isScalar(key) && property?.description !== undefined) key.commentBefore = ` ${property.description}`;
    if (isMap(value) && property && Type.IsObject(property) && !('default' in property)) comment(value as YAMLMap, property);
  }
}
