# What CI runs is what you run. Recipes of more than three lines live in .ci/.

version := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
ldflags := -s -w -X github.com/chatire/chatire/pkg/config.Version=$(version)

staticcheck := honnef.co/go/tools/cmd/staticcheck@v0.8.2
govulncheck := golang.org/x/vuln/cmd/govulncheck@v1.9.0

.DEFAULT_GOAL := help

.PHONY: help
help: ## Say what there is to make.
	@sed -nE 's/^([a-z-]+):.*## (.*)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 20

.PHONY: run
run: web ## Run all of Chatire as one process, with nothing installed but Go and Node.
	@go build -ldflags '$(ldflags)' -o bin/ ./ctl/cmd/chatirectl
	@exec bin/chatirectl dev

.PHONY: web
web: ## Build the web app into the folder from which the API embeds it.
	@.ci/web

.PHONY: web-dev
web-dev: ## Serve the web app with hot reload, against a Chatire that runs; server=URL names it.
	@SERVER=$(server) .ci/with-node .ci/web-npm run dev

.PHONY: build
build: web ## Build the three programs into bin/, with the web app if there is Node.
	CGO_ENABLED=0 go build -trimpath -ldflags '$(ldflags)' -o bin/ \
		./api/cmd/chatire-api ./worker/cmd/chatire-worker ./ctl/cmd/chatirectl

.PHONY: test
test: ## Run all tests under the race detector, with a real Postgres and RabbitMQ.
	.ci/test

.PHONY: test-web
test-web: ## Test the web app in a real browser, with servers that are broken meanwhile.
	.ci/own-services .ci/with-node .ci/web-test

.PHONY: screens
screens: ## Take the pictures of the web app in docs/screens/.
	.ci/with-node .ci/web-test --config tests/screens.config.ts

.PHONY: lighthouse
lighthouse: ## Measure the web app with Lighthouse, three times; keep the machine quiet.
	.ci/with-node .ci/web-test --config tests/lighthouse.config.ts

.PHONY: bench
bench: ## Run all benchmarks, with a real Postgres and RabbitMQ.
	.ci/with-services go test -run '^$$' -bench . -benchmem -timeout 30m ./...

.PHONY: check
check: lint imports docs lint-web ## Run the checks that need no services.
	go run .ci/mutants.go -check

.PHONY: lint
lint: ## Look for what gofmt, vet and staticcheck would say.
	.ci/lint $(staticcheck)

.PHONY: lint-web
lint-web: ## Check the types of the web app, its rules, and what needs no browser.
	.ci/with-node .ci/web-npm run lint
	.ci/with-node .ci/web-npm run unit

.PHONY: imports
imports: ## Look for upward imports and for libraries that came in by another door.
	go run .ci/imports.go

.PHONY: docs
docs: ## Look for paths, targets and settings in the docs that do not exist.
	.ci/docs

.PHONY: rules
rules: ## Check the rules for Prometheus and the dashboards, and when each alert fires.
	.ci/rules

.PHONY: chart-test
chart-test: ## Test the Helm chart: what it renders, refuses, and what critics say of it.
	.ci/chart

.PHONY: cluster-test
cluster-test: ## Install the chart on a real Kubernetes and upgrade it under 500 people.
	.ci/cluster-test

.PHONY: chart-docs
chart-docs: ## Write the chart's README anew from the comments in its values.
	$$(.ci/tools-build)/helm-docs --chart-search-root charts/chatire --sort-values-order file --log-level error

.PHONY: dashboards
dashboards: ## Write the dashboards for Grafana into charts/chatire/dashboards/.
	go run ./charts/dashboards/cmd/dashboards

.PHONY: monitoring-test
monitoring-test: ## Have a real Prometheus watch a real installation that is broken meanwhile.
	@.ci/install /usr/bin/prometheus prometheus
	@.ci/own-services go run ./charts/monitoring

.PHONY: image
image: ## Build the image with the three programs into bin/chatire.tar, without a container engine.
	.ci/image bin/chatire.tar $(version)

.PHONY: fmt
fmt: ## Format all Go files.
	gofmt -w $$(git ls-files --cached --others --exclude-standard '*.go')

.PHONY: sizes
sizes: ## Print how long functions and files are.
	go run .ci/sizes.go

.PHONY: vuln
vuln: ## Look for known vulnerabilities; asks vuln.go.dev, so it needs the network.
	go run $(govulncheck) ./...

.PHONY: services
services: ## Start a Postgres and a RabbitMQ that stay, for go test by hand.
	@.ci/services start
	@echo '# export the above; end with: .ci/services stop'

# How often each fault comes, and what else cmd/faults takes: see docs/TESTING.md.
rounds ?= 20
flags ?=

.PHONY: faults
faults: ## Break a real installation in every way, 20 times each, and print what held.
	@.ci/own-services go run ./ctl/faults/cmd/faults -rounds $(rounds) $(flags)

.PHONY: soak
soak: ## Have people come, talk and go for 30 minutes, with a random fault every 20 s.
	@.ci/own-services go run ./ctl/faults/cmd/faults -soak $(or $(duration),30m) $(flags)

.PHONY: break
break: ## Kill RabbitMQ while two people chat, and see what happens.
	@.ci/own-services go run ./ctl/faults/cmd/faults -break

.PHONY: model
model: ## Check the model of delivery in every state that it can come to.
	@.ci/model

.PHONY: mutants
mutants: ## Break the code in a dozen ways and see that the tests notice each.
	@.ci/with-services go run .ci/mutants.go

.PHONY: simulate
simulate: ## Let 10,000 simulated worlds live through bad times.
	@go test ./worker -run '^TestSimulation$$' -v -sim.seeds $(or $(seeds),10000) -sim.seed $(or $(seed),1) | grep -v '^=== \|^    --- '
