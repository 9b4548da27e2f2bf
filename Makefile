# Loket. `make demo` and `make test` are the two commands; `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CACHE := $(or $(LOKET_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/loket)
# Tools are kept by what pins them, so that branches do not fight over them.
TOOLS := $(CACHE)/tools/$(shell cat hack/tools/go.mod hack/tools/go.sum | sha256sum | cut -c1-12)
export LOKET_TOOLS := $(TOOLS)
export PATH := $(TOOLS):$(PATH)
PAGES := bot-runtime/web/dist/.built
SAMPLE := config/samples/kontak157

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: demo
demo: deps-cluster helm cluster-command pages ## a real cluster with the sample, a citizen, an agent and a surge
	@go run ./hack/demo up

.PHONY: demo-down
demo-down: cluster-command ## ends the demo's cluster
	@go run ./hack/demo down

.PHONY: dev
dev: pages ## the sample in one process, no cluster and no root; reloads when a file changes
	@go run -tags simulator ./bot-runtime dev -f $(SAMPLE)

.PHONY: build
build: pages ## both programs into bin/
	go build -o bin/loket .
	go build -o bin/bot-runtime ./bot-runtime

.PHONY: images
images: cluster-command pages ## Loket's two images as tarballs in .demo/: make images REGISTRY=registry.example/loket TAG=v1
	@go run ./hack/demo images --registry "$(or $(REGISTRY),loket.dev)" --tag "$(TAG)"

.PHONY: pages
pages: $(PAGES)
$(PAGES): $(shell find bot-runtime/web/src bot-runtime/web/*.json bot-runtime/web/*.ts bot-runtime/web/*.html -type f 2>/dev/null)
	@hack/deps.sh pages
	@hack/pages.sh

.PHONY: generate
generate: $(TOOLS)/controller-gen ## deepcopy, CRDs, the chart's copies of them, and KEDA's protocol
	@hack/generate.sh

# ---- tests

.PHONY: test
test: deps-test lint test-go test-e2e ## everything

.PHONY: test-go
test-go: tools cluster-command pages ## unit, race, envtest, PostgreSQL, browser
	@KUBEBUILDER_ASSETS="$$($(TOOLS)/cluster assets)" gotestsum --format pkgname-and-test-fails --hide-summary=skipped -- -race -timeout 20m ./...
	@gotestsum --format pkgname-and-test-fails -- -parallel 6 -run 'TestWhatever|TestASeedsDay|TestTheSimulation|TestTheCheckerCatches' -timeout 20m ./bot-runtime/engine ./bot-runtime
	@gotestsum --format pkgname-and-test-fails -- -tags e2e,chaos -run '^TestTheScenariosOfAClusterAreThoseOfTheCatalogue$$' ./test/e2e
	@gotestsum --format pkgname-and-test-fails -- -tags chaos -run '^TestTheScenariosOfAMachineAreThoseOfTheCatalogue$$' ./bot-runtime
	@cd hack/cluster && CGO_ENABLED=0 gotestsum --format pkgname-and-test-fails -- -trimpath -timeout 20m ./...

.PHONY: test-e2e
test-e2e: tools cluster-command pages ## the whole thing on a real cluster
	@go run ./hack/demo install
	@gotestsum --format standard-verbose -- -tags e2e -count=1 -timeout 40m ./test/e2e/...

.PHONY: chaos
chaos: tools cluster-command ## the message path while something goes wrong: make chaos lists what, make chaos SCENARIO=name
	@go run ./hack/sim/chaos $(SCENARIO)

.PHONY: soak
soak: tools cluster-command pages ## MESSAGES (1,000,000) on a real cluster, with kills all the way, and a report
	@go run ./hack/demo install
	@MESSAGES="$(or $(MESSAGES),1000000)" go test -tags e2e,chaos -count=1 -v -timeout 6h -run '^TestSoak$$' ./test/e2e

.PHONY: lint
lint: tools ## golangci-lint, gofmt, vet, generated files, the chart, imports
	@hack/lint.sh

.PHONY: bench
bench: tools cluster-command pages ## figures into .bench/figures.jsonl, and a table
	@KUBEBUILDER_ASSETS="$$($(TOOLS)/cluster assets)" go run ./hack/bench

# ---- tools, pinned by hack/tools

.PHONY: tools
tools: $(TOOLS)/controller-gen $(TOOLS)/kustomize $(TOOLS)/helm $(TOOLS)/gotestsum $(TOOLS)/golangci-lint ## what the other targets need

.PHONY: helm
helm: $(TOOLS)/helm

$(TOOLS)/controller-gen: PACKAGE := sigs.k8s.io/controller-tools/cmd/controller-gen
$(TOOLS)/kustomize: PACKAGE := sigs.k8s.io/kustomize/kustomize/v5
$(TOOLS)/helm: PACKAGE := helm.sh/helm/v4/cmd/helm
$(TOOLS)/gotestsum: PACKAGE := gotest.tools/gotestsum
$(TOOLS)/golangci-lint: PACKAGE := github.com/golangci/golangci-lint/v2/cmd/golangci-lint
$(TOOLS)/%:
	@mkdir -p $(TOOLS)
	@echo "building $* (once)"
	@cd hack/tools && CGO_ENABLED=0 go build -trimpath -o $@.new $(PACKAGE) && mv $@.new $@

.PHONY: cluster-command
cluster-command:
	@mkdir -p $(TOOLS)
	@cd hack/cluster && CGO_ENABLED=0 go build -trimpath -o $(TOOLS)/cluster .

.PHONY: deps-cluster deps-test
deps-cluster: ; @hack/deps.sh cluster
deps-test: ; @hack/deps.sh test

.PHONY: clean
clean: ## what builds and demos left in the checkout
	rm -rf bin .demo .dev .bench bot-runtime/web/dist/* bot-runtime/web/node_modules
