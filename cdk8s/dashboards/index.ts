import { LegendDisplayMode, LegendPlacement, VizLegendOptionsBuilder } from '@grafana/grafana-foundation-sdk/common';
import {
  type Dashboard,
  DashboardBuilder,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { type PanelDescription, type Query, ROWS } from './panels.ts';

const PROMETHEUS = { type: 'prometheus', uid: '$datasource' };
/** Of Grafana's grid, which has 24 columns. */
const [WIDTH, HEIGHT] = [8, 8];

/** Grafana's dashboard of Starling, on metrics that Prometheus has read from the side ports. The same every time. */
export function renderDashboard(): Dashboard {
  const dashboard = new DashboardBuilder('Starling')
    .uid('starling')
    .description('Connections, messages, log, services and operator of Starling')
    .tags(['starling'])
    .timezone('browser')
    .refresh('30s')
    .time({ from: 'now-1h', to: 'now' })
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
    .withVariable(choice('namespace', 'Namespace', 'label_values(starling_http_request_seconds_count, namespace)'))
    .withVariable(
      choice('cluster', 'ChatCluster', 'label_values(starling_http_request_seconds_count{namespace=~"$namespace"}, starling_cluster)'),
    );
  let id = 0;
  for (const { title, panels } of ROWS) {
    dashboard.withRow(new RowBuilder(title).id(++id));
    for (const panel of panels) dashboard.withPanel(renderPanel(panel).id(++id));
  }
  return dashboard.build();
}

function choice(name: string, label: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(PROMETHEUS)
    .query(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .includeAll(true)
    .multi(true)
    .current({ text: 'All', value: '$__all' });
}

function renderPanel({ title, description, unit, queries }: PanelDescription): PanelBuilder {
  const panel = new PanelBuilder()
    .title(title)
    .description(description)
    .unit(unit)
    .min(0)
    .datasource(PROMETHEUS)
    .span(WIDTH)
    .height(HEIGHT)
    .legend(new VizLegendOptionsBuilder().showLegend(true).displayMode(LegendDisplayMode.List).placement(LegendPlacement.Bottom));
  for (const [index, query] of queries.entries()) panel.withTarget(renderQuery(query, index));
  return panel;
}

function renderQuery({ expression, legend }: Query, index: number): DataqueryBuilder {
  return new DataqueryBuilder()
    .refId(String.fromCharCode(65 + index))
    .datasource(PROMETHEUS)
    .expr(expression)
    .legendFormat(legend);
}
