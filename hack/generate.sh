#!/usr/bin/env bash
# Writes what is generated anew: from api/v1alpha1 the deepcopy functions, the CRDs, the JSON Schema for editors, and the chart's
# copies of the CRDs; from KEDA's protocol its Go code.
# `hack/generate.sh && git diff --exit-code` tells whether they are up to date.
set -euo pipefail
cd "$(dirname "$0")/.."

PATH="${LOKET_TOOLS:-}:$PATH"
if ! command -v controller-gen >/dev/null; then
	echo "hack/generate.sh: controller-gen is not there; run make tools, or set LOKET_TOOLS" >&2
	exit 1
fi

controller-gen object paths=./api/v1alpha1 crd output:crd:dir=config/crd/bases

(cd hack/protoc && go run . ../../controllers/externalscaler/wire/externalscaler.proto)

go run ./bot-runtime schema >config/schema/loket.json.new
mv config/schema/loket.json.new config/schema/loket.json

# Helm would read the braces in descriptions, and must be told to keep the CRDs (and with them every tenant) at uninstall.
rm -f charts/loket/templates/crd-*.yaml
for base in config/crd/bases/loket.dev_*.yaml; do
	name=${base##*_}
	{
		echo '{{- if .Values.crds.enabled }}'
		sed -e 's/{{/{{ "{{" }}/g' \
			-e 's|^  annotations:$|  labels: {{- include "loket.labels" . \| nindent 4 }}\n  annotations:\n    {{- if .Values.crds.keep }}\n    helm.sh/resource-policy: keep\n    {{- end }}|' "$base"
		echo '{{- end }}'
	} >"charts/loket/templates/crd-$name"
done
