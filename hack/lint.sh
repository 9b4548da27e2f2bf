#!/usr/bin/env bash
# Everything that can be said about the checkout without running it. Each finding is printed; the first kind that has any ends
# with exit code 1 after all kinds were looked at.
set -uo pipefail
cd "$(dirname "$0")/.."
bad=0
check() { # name, command...
  local name=$1 out; shift
  if out=$("$@" 2>&1); then echo "lint: $name: well"; else bad=1; echo "lint: $name:"; echo "$out"; fi
}
unformatted() { local f; f=$(git ls-files '*.go' | xargs gofmt -l); [ -z "$f" ] || { echo "gofmt would change:"; echo "$f"; return 1; }; }
vet() { go vet ./... && go vet -tags e2e,chaos ./test/e2e/... && go vet -tags chaos ./bot-runtime && go vet -tags keda ./controllers && (cd hack/cluster && CGO_ENABLED=0 go vet -trimpath ./...); }
tidy() { go mod tidy -diff && (cd hack/cluster && go mod tidy -diff); }
# generated files are made anew in a copy of the checkout, so that a stale one is told and not silently mended
generated() {
  local copy; copy=$(mktemp -d); trap 'rm -rf "$copy"' RETURN
  git ls-files -z | xargs -0 tar -c --ignore-failed-read 2>/dev/null | tar -x -C "$copy" || return 1
  (cd "$copy" && hack/generate.sh >/dev/null) || return 1
  local f stale=0
  while IFS= read -r f; do
    cmp -s "$f" "$copy/$f" || { echo "stale: $f (run make generate)"; stale=1; }
  done < <(git ls-files api config charts controllers/externalscaler/wire)
  return $stale
}
chart() {
  helm lint charts/loket --strict && helm template loket charts/loket --namespace loket-system >/dev/null
}
samples() { kustomize build config/samples/kontak157-demo >/dev/null && kustomize build config/default >/dev/null && kustomize build config/keda >/dev/null; }
flows() {
	local built
	built=$(mktemp -d)
	kustomize build config/samples/kontak157-demo >"$built/demo.yaml" &&
		go run ./bot-runtime lint -f config/samples/kontak157 && go run ./bot-runtime test -f config/samples/kontak157 >/dev/null &&
		go run ./bot-runtime lint -f "$built" && go run ./bot-runtime test -f "$built" >/dev/null
	local told=$?
	rm -rf "$built"
	return $told
}
check "gofmt" unformatted
check "vet" vet
check "go.mod tidy" tidy
check "golangci-lint" golangci-lint run ./...
check "generated files" generated
check "chart" chart
check "kustomize" samples
check "sample flow" flows
exit $bad
