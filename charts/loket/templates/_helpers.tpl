{{/* loket.name begins the names of all objects: the release, and loket where the release does not say it. */}}
{{- define "loket.name" -}}
{{- if contains "loket" .Release.Name -}}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{- else -}}{{ printf "%s-loket" .Release.Name | trunc 40 | trimSuffix "-" }}{{- end -}}
{{- end }}

{{- define "loket.operator" -}}{{ include "loket.name" . }}-operator{{- end }}

{{- define "loket.signing" -}}{{ .Values.signing.existingSecret | default (printf "%s-signing" (include "loket.name" .)) }}{{- end }}

{{/* loket.selector finds the operator's pods: the tenants' NetworkPolicies let exactly these labels in. */}}
{{- define "loket.selector" -}}
app.kubernetes.io/name: loket
app.kubernetes.io/component: operator
{{- end }}

{{- define "loket.labels" -}}
app.kubernetes.io/name: loket
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* loket.image of (list $ .Values.x.image). */}}
{{- define "loket.image" -}}
{{- $image := index . 1 -}}
{{- $tag := $image.tag | default (index . 0).Chart.AppVersion -}}
{{ $image.repository }}{{ if hasPrefix "sha256:" $tag }}@{{ else }}:{{ end }}{{ $tag }}
{{- end }}
