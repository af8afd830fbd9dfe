{{/* The Kubernetes API as peers of a network policy, in JSON. */}}
{{- define "starling.apiServerPeers" -}}
{{- $peers := list -}}
{{- range $.Values.apiServer.networks -}}
{{- $peers = append $peers (dict "ipBlock" (dict "cidr" .)) -}}
{{- end -}}
{{- toJson $peers -}}
{{- end -}}

{{/* Its ports, in JSON. */}}
{{- define "starling.apiServerPorts" -}}
{{- $ports := list -}}
{{- range $.Values.apiServer.ports -}}
{{- $ports = append $ports (dict "protocol" "TCP" "port" (int .)) -}}
{{- end -}}
{{- toJson $ports -}}
{{- end -}}
